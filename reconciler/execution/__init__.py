"""Execute a plan: write, verify and record each action. Only this package changes resources."""
