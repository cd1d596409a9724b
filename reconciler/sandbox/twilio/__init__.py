"""Twilio's products as the sandbox plays them: one module a resource, with its rows, its rules and its routes."""
