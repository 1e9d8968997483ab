"""The data sources, one family a file."""
