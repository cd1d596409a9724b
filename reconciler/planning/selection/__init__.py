"""Narrow a plan to what `--target` and `--exclude` select."""
