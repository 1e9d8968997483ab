"""What runs are judged by: the arithmetic of models.monitors, and which values of an epoch's row are no measure."""

from tfcli.models.monitors import PlateauState, StoppingState, improves, is_maximized

__all__ = ["UNMEASURED", "PlateauState", "StoppingState", "improves", "is_maximized"]

UNMEASURED = ("epoch", "step", "seconds", "examples_per_second", "learning_rate")
"""What an epoch's row holds besides the loss and the metrics."""
