"""Run the stacks of a fleet, each in a process of its own, and build the report on all of them."""
