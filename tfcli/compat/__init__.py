"""TensorFlow's `tf.compat`: older programs under their own names."""

from tfcli.compat import v1 as v1
