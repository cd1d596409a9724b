"""The JSON documents that commands print, and how they are built."""
