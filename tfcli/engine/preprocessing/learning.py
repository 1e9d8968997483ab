"""What preprocessing learns from data, and preprocessing that is computed in numpy rather than in ops."""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.preprocessing.base import Preprocessing
from tfcli.engine.spec import TensorSpec

Learned = dict[str, Any]
"""What was learned: numbers, texts, lists and arrays by name, as a run keeps them."""


class Summary:
    """What a pass over data has seen so far."""

    def update(self, batch: np.ndarray) -> None:
        """Take a batch into account."""
        raise AssertionError(f"{type(self).__name__} must define update")

    def result(self) -> Learned:
        """What the batches say together."""
        raise AssertionError(f"{type(self).__name__} must define result")


class Learning(Preprocessing):
    """Preprocessing that learns from data what its fields do not say."""

    @property
    def learns(self) -> bool:
        """Whether something is left to learn."""
        raise AssertionError(f"{type(self).__name__} must define learns")

    def summary(self) -> Summary:
        """Where a pass over the data begins."""
        raise AssertionError(f"{type(self).__name__} must define summary")


def learn(declared: Learning, batches: Iterable[np.ndarray]) -> Learned:
    """What there is to learn from the batches."""
    summary = declared.summary()
    for batch in batches:
        summary.update(batch)
    return summary.result()


D = TypeVar("D", bound=Preprocessing)


def configured(kind: type[D], **fields: Any) -> D:
    """The arithmetic of a declaration with these fields, where no layer and no stage is wanted."""
    made = kind()
    made.__dict__.update(fields)
    return made


class OnArrays(Preprocessing):
    """Arithmetic in numpy, which no gradient passes through.

    `prepare` makes of what was learned what the other two work with; before anything was learned it is given None.
    """

    def prepare(self, learned: Learned | None) -> Any:
        """What is needed besides the fields. Raises DataError for a file that cannot be read."""
        return None

    def infer(self, prepared: Any, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        """The output's shape and dtype. Raises ShapeError, DtypeError."""
        raise AssertionError(f"{type(self).__name__} must define infer")

    def compute(self, prepared: Any, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        """The output for a batch; what is no whole number is `floatx`. Raises DataError."""
        raise AssertionError(f"{type(self).__name__} must define compute")


class Preprocess(Op):
    """What `layer`, an OnArrays that knows what it has `prepared`, makes of its inputs at the time when it runs."""

    layer: Any
    floatx: str

    def infer(self, *xs):
        return self.layer.infer(self.layer.prepared, self.floatx, *xs)

    def forward(self, *xs):
        return self.layer.compute(self.layer.prepared, self.floatx, *xs)

    def vjp(self, g, y, *xs):
        return (None,) * len(xs)
