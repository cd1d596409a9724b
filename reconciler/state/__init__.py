"""The recorded state: its document, stores, lock and journal, and saved plans."""
