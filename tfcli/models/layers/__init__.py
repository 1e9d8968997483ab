"""The layers, a family a file. Importing this package declares all of them."""

from tfcli.models.layers import (  # noqa: F401
    activations,
    attention,
    containers,
    conv_lstm,
    convolution,
    core,
    embedding,
    features,
    gates,
    merging,
    multi_head_attention,
    normalization,
    pooling,
    preprocessing,
    random_features,
    recurrent,
    regularization,
    reshaping,
    wrappers,
)
