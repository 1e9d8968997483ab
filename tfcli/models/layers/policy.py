"""Policies: what layers compute in, by the names that Keras gives them."""

from dataclasses import dataclass
from typing import Any, Literal

from tfcli.engine.precision import FORMATS
from tfcli.engine.spec import as_dtype
from tfcli.errors import DtypeError

PolicyName = Literal["float16", "float32", "float64", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class Policy:
    """`dtype` is that of variables, and of all that is computed; products round their operands to `operands` first."""

    dtype: str = "float32"
    operands: str | None = None

    @property
    def name(self) -> str:
        return self.dtype if self.operands is None else f"mixed_{self.operands}"

    @property
    def compute_dtype(self) -> str:
        """What products take their operands in."""
        return self.operands or self.dtype

    @property
    def scales_loss(self) -> bool:
        """Whether gradients are too small for the operands' range unless the loss is scaled."""
        return self.operands == "float16"

    @property
    def variable_dtype(self) -> str:
        return self.dtype


MIXED = {f"mixed_{operands}": Policy("float32", operands) for operands in FORMATS}


def as_policy(value: Any) -> Policy:
    """The policy of that name: a dtype's, or `mixed_bfloat16`, `mixed_float16`. Raises DtypeError."""
    name = getattr(value, "name", value)
    if name in MIXED:
        return MIXED[name]
    if isinstance(name, str) and name.startswith("mixed_"):
        raise DtypeError(f"{name!r} is not a policy; those of mixed precision are {', '.join(MIXED)}")
    return Policy(as_dtype(value if name is value else name).name)
