"""Runs: from a checked spec to a trained model on disk, and from there to evaluations and predictions."""
