"""Phone numbers as code: declare Twilio numbers in YAML, review the plan, apply it, see what
drifted.
"""

__version__ = "0.1.0"
