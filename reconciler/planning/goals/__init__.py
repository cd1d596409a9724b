"""Plans whose goal is not the configuration: roll back to a version, release chosen numbers."""
