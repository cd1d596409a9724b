"""The table of output formats, and the formats for machines."""
