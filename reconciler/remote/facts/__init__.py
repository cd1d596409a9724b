"""Answers to single questions about an account: regions, prices, SIP domains, messaging services."""
