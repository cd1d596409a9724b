"""Faults that the sandbox plays: rules, and the engine that applies them."""
