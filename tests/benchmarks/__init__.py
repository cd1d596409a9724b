"""Benchmarks: whole processes against a floor measured in the same run; they print ratios and assert nothing."""
