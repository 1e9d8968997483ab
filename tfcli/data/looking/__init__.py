"""Looking at data: statistics in one pass, schemas, anomalies and drift. Files of any size, a block at a time."""
