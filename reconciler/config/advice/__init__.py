"""Advice for error messages; used only after an error was found."""
