"""Check credentials, connections, permissions, clock and state for `doctor`. Reads only."""
