"""The pipeline stages, one family a file."""
