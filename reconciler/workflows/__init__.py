"""What each command does. A workflow joins configuration, state, remote and planning; it prints
nothing.
"""
