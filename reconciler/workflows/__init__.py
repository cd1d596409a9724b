"""The work of each command. A workflow joins configuration, state, remote and planning; it prints
nothing.
"""
