"""Values that all packages share: frozen, plain data without I/O."""
