"""The outside world: the only package that speaks HTTP."""
