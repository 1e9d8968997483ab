"""The layers, a family a file. Importing this package declares all of them."""

from tfcli.models.layers import (  # noqa: F401
    activations,
    attention,
    containers,
    convolution,
    core,
    embedding,
    merging,
    normalization,
    pooling,
    recurrent,
    regularization,
    reshaping,
    wrappers,
)
