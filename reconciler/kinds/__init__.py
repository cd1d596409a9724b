"""What each resource is: fields, wire names, endpoints, rank; declarations and pure functions only."""
