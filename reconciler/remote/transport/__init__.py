"""HTTP for all servers: connections, retries, time limits and concurrency."""
