"""Checks of a finished plan: each adds diagnostics, or refuses to apply it."""
