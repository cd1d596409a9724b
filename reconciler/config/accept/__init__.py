"""Rewrite the files of a configuration so that they declare live values."""
