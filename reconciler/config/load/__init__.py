"""Make a `Project` from an entry file: include, merge, check, compile."""
