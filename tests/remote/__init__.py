"""The outside: retries, limits, paging and errors against servers that answer as a script says."""
