"""tf.saved_model: objects with their variables and traced functions, saved and loaded without their Python code."""

from tfcli.saved_model.files import contains_saved_model as contains_saved_model
from tfcli.saved_model.files import load as load
from tfcli.saved_model.files import save as save

__all__ = ["contains_saved_model", "load", "save"]
