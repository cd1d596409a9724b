"""Twilio: its client over our own HTTP client, its listings, its errors."""
