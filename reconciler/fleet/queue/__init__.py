"""Run the stacks of a fleet as jobs of a queue in PostgreSQL, on any number of workers."""
