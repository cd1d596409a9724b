"""YAML text with positions: parse it, show lines of it, format and write it."""
