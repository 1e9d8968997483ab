"""For each layer a plain function in numpy that says what it computes."""

from references import (  # noqa: F401
    activations,
    attention,
    augmentation,
    convolution,
    core,
    features,
    images,
    normalization,
    pooling,
    recurrent,
)
from references.reference import REFERENCES, compute

__all__ = ["REFERENCES", "compute"]
