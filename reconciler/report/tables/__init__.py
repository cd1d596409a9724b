"""Tables of changes, built once for all formats."""
