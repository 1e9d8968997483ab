"""What layers over sequences need besides products: equal parts, time steps as a batch, kept states, checked ids."""

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.join import Concat
from tfcli.engine.ops.shape import reshape_like, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError, ShapeError


class Parts(Op):
    """x cut into `count` equal parts along the last axis."""

    count: int

    def infer(self, x):
        size = x.shape[-1] if x.rank else None
        if size is None or size % self.count:
            raise ShapeError(
                f"parts: the last axis of {show_shape(x.shape)} does not divide into {self.count} equal parts"
            )
        return (TensorSpec(Shape((*x.shape[:-1], size // self.count)), x.dtype),) * self.count

    def forward(self, x):
        size = x.shape[-1] // self.count
        return tuple(x[..., i * size : (i + 1) * size] for i in range(self.count))

    def vjp(self, gs, ys, x):
        filled = [zeros_like(y) if g is None else g for g, y in zip(gs, ys, strict=True)]
        return (Concat(x.ndim - 1)(*filled),)


def parts(x: Tensor, count: int) -> tuple[Tensor, ...]:
    """`count` (two or more) equal parts of x along its last axis. Raises ShapeError."""
    return Parts(count)(x)


class JoinSteps(Op):
    """x (N, T, …) -> (N * T, …)."""

    def infer(self, x):
        n, t = x.shape[:2]
        return TensorSpec(Shape((None if n is None or t is None else n * t, *x.shape[2:])), x.dtype)

    def forward(self, x):
        return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])

    def vjp_x(self, g, y, x):
        return reshape_like(g, x)


class SplitSteps(Op):
    """x (N * T, …) -> (N, T, …), with N and T those of `like`, which lends its shape alone."""

    vjp_like = None

    def infer(self, x, like):
        return TensorSpec(Shape((*like.shape[:2], *x.shape[1:])), x.dtype)

    def forward(self, x, like):
        return x.reshape(*like.shape[:2], *x.shape[1:])

    def vjp_x(self, g, y, x, like):
        return join_steps(g)


class CarriedState(Op):
    """The state (N, …) that the batch before left, or zeros where it is empty; `like` (N, …) lends its shape alone."""

    vjp_state = None
    vjp_like = None

    def infer(self, state, like):
        return TensorSpec(like.shape, state.dtype)

    def forward(self, state, like):
        if len(state) == 0:
            return np.zeros(like.shape, state.dtype)
        if len(state) != len(like):
            raise ShapeError(
                f"a stateful layer keeps the state of a batch of {len(state)}, and now reads a batch of {len(like)}; "
                "give every batch the same size (`drop_remainder: true` in the `batch` stage)"
            )
        return state


class CheckIds(Op):
    """Ids of any shape, unchanged. Raises DataError for one outside 0 .. input_dim - 1, naming the layer at `path`."""

    input_dim: int
    path: str
    vjp_ids = None

    def infer(self, ids):
        return TensorSpec(ids.shape, ids.dtype)

    def forward(self, ids):
        wrong = ids[(ids < 0) | (ids >= self.input_dim)]
        if wrong.size:
            worst = wrong.flat[np.argmax(np.abs(wrong))]
            need = f"input_dim must be at least {worst + 1}" if worst > 0 else "ids count from 0"
            raise DataError(
                f"{self.path}: the id {worst} is outside 0 .. {self.input_dim - 1} (input_dim={self.input_dim}); {need}"
            )
        return ids


join_steps, split_steps, carried_state = JoinSteps(), SplitSteps(), CarriedState()
