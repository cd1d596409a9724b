"""From an entry file to a `Project`: include, merge, check, compile."""
