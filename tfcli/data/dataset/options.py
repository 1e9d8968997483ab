"""tf.data.Options."""

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class ThreadingOptions:
    """How many threads `map` may use where it is left to decide."""

    max_intra_op_parallelism: int | None = None
    private_threadpool_size: int | None = None


@dataclass
class Options:
    """What TensorFlow's programs say of how a dataset is computed. No option changes an element or the order here."""

    deterministic: bool | None = None
    autotune: Any = None
    threading: ThreadingOptions = field(default_factory=ThreadingOptions)
    experimental_optimization: Any = None
    experimental_distribute: Any = None
    experimental_slack: bool | None = None

    def merge(self, other: "Options") -> "Options":
        """These options with what `other` sets."""
        default = Options()
        values = {f.name: getattr(other, f.name) for f in fields(self)}
        changed = {name: value for name, value in values.items() if value != getattr(default, name)}
        return Options(**({f.name: getattr(self, f.name) for f in fields(self)} | changed))
