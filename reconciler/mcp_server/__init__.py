"""The MCP server: the commands that look, and `apply` for a plan that a person has reviewed."""
