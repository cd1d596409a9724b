"""Recover from a missing, damaged or new state."""
