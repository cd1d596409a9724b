"""Voice-AI platforms that import numbers themselves: one adapter each, over one HTTP caller."""
