"""Find the groups of resources and the risks in a document."""
