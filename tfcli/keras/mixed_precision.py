"""tf.keras.mixed_precision: policies under their older names."""

from tfcli.keras.config import dtype_policy as global_policy
from tfcli.keras.config import set_dtype_policy as set_global_policy
from tfcli.models.layers.policy import as_policy as Policy

__all__ = ["Policy", "global_policy", "set_global_policy"]
