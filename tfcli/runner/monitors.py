"""Which values of an epoch's row are no measure of the model."""

UNMEASURED = ("epoch", "step", "seconds", "examples_per_second", "learning_rate")
"""What an epoch's row holds besides the loss and the metrics."""
