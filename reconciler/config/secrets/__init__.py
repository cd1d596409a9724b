"""References to secrets: where they come from, and the hosts that they may be sent to."""
