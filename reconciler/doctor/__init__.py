"""What `doctor` looks at: credentials, connections, permissions, clock, state. Reads only."""
