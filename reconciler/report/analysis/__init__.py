"""What a reader has to know about a document: groups of resources and risks."""
