"""Values → text, JSON and other forms; prints nothing itself."""
