"""Twilio's products in the sandbox: one module per resource, with its rows, rules and routes."""
