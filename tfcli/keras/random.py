"""tf.keras.random: tensors of random numbers."""

from tfcli.engine.ops.random import categorical, normal, shuffle, truncated_normal, uniform

__all__ = ["categorical", "normal", "shuffle", "truncated_normal", "uniform"]
