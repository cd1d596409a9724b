"""A small HTTP server for loopback."""
