"""Decide for each resource which actions it needs."""
