"""Check entries against their models, and describe what is wrong with them."""
