"""The kinds of resources: fields, wire names, endpoints, rank; declarations and pure functions only."""
