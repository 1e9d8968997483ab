"""TFRecords: the framing of records, Example protos, and reading both fast."""
