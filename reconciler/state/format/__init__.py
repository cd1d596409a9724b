"""The form of a stored state: document, digest, journal, encryption and migrations."""
