"""From valid sections to the resources that they declare; no I/O."""
