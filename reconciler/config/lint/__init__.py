"""Traps that a valid configuration may hold: rules, who is spared from them, and users' own
policies; pure.
"""
