"""numpy functions inside graphs: for texts, vocabularies and other work without a gradient."""

from collections.abc import Callable

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.spec import TensorSpec


class HostFunction(Op):
    """What `function(*arrays)` makes of its inputs; `rule(*specs)` says the shape and dtype beforehand.

    Two are the same op where their functions are the same object. Not differentiable.
    """

    function: Callable[..., np.ndarray]
    rule: Callable[..., TensorSpec]

    def infer(self, *inputs):
        return self.rule(*inputs)

    def forward(self, *inputs):
        return self.function(*inputs)

    def vjp(self, g, y, *inputs):
        return (None,) * len(inputs)
