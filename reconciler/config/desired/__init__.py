"""Turn valid sections into the resources that they declare; no I/O."""
