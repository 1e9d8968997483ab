"""Loss scaling: what lets small gradients survive in float16, whose smallest number is 6e-8."""

from collections.abc import Callable, Sequence

import numpy as np

from tfcli.engine.ops.comparison import equal, is_finite, logical_and
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.tensor import Tensor, Variable

INITIAL_SCALE = 2.0**15
GROWTH_STEPS = 2000


class LossScaling:
    """The scale that a loss is multiplied by before its gradients are taken, as Keras's LossScaleOptimizer keeps it.

    Where a gradient is not finite the step is left out and the scale halved; after 2,000 steps without that it is
    doubled. `add` makes a variable that is saved with the optimizer.
    """

    def __init__(self, add: Callable[[str, np.ndarray], Variable]) -> None:
        self.scale = add("dynamic_scale", np.asarray(INITIAL_SCALE, np.float32))
        self.counter = add("step_counter", np.zeros((), np.int32))

    def judge(self, gradients: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """The gradients of the loss itself, and whether all of them are finite; the scale for the next step is set."""
        scale, counter = self.scale.value(), self.counter.value()
        finite = _all_finite(gradients)
        grown = equal(counter, GROWTH_STEPS - 1)
        self.scale.assign(where(finite, where(grown, scale * 2.0, scale), scale * 0.5))
        self.counter.assign(where(logical_and(finite, equal(grown, False)), counter + np.int32(1), np.int32(0)))
        return [g / cast(scale, g.dtype) for g in gradients], finite


def _all_finite(gradients: Sequence[Tensor]) -> Tensor:
    # One pass: a sum is finite only where all of its terms are.
    found = [is_finite(reduce_sum(g)) for g in gradients]
    result = found[0]
    for one in found[1:]:
        result = logical_and(result, one)
    return result
