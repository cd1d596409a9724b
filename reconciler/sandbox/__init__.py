"""A Twilio that behaves, on one loopback port; imports nothing of the rest of the package."""
