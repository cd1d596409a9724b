"""The sandbox as a server, with its control API."""
