"""Answer single questions about accounts: regions, prices, SIP domains, messaging services."""
