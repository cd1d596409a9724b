"""The functional core: match, decide, order, guard, drift; no I/O, no clock, same inputs, same
bytes.
"""
