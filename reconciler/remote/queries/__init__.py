"""Read the resources that a plan needs."""
