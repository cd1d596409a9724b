"""What we remember: the state document, where it is kept, its lock, its journal, and saved plans."""
