"""ForwardAccumulator: forward-mode derivatives, as the derivative of a backward sweep in its seed."""

from typing import Any

from tfcli.engine import nest
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import show_shape
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import convert_to_tensor
from tfcli.errors import ShapeError, TfcliError


class ForwardAccumulator:
    """Jacobian-vector products: `jvp(y)` is the derivative of y when `primals` move along `tangents` (same
    structures and shapes).

    A backward sweep is linear in its seed u, which makes d(sweep)/du, applied to the tangents, the forward derivative.
    Raises TfcliError, ShapeError, DtypeError.
    """

    def __init__(self, primals: Any, tangents: Any) -> None:
        self._primals = nest.flatten(primals)
        given = nest.flatten(tangents)
        if len(given) != len(self._primals):
            raise TfcliError(f"ForwardAccumulator: {len(self._primals)} primals and {len(given)} tangents")
        self._tangents = [convert_to_tensor(t, p.dtype) for t, p in zip(given, self._primals, strict=True)]
        for primal, tangent in zip(self._primals, self._tangents, strict=True):
            if tangent.shape != primal.shape:
                raise ShapeError(
                    f"ForwardAccumulator: a tangent of shape {show_shape(tangent.shape)} for a primal of "
                    f"{show_shape(primal.shape)}"
                )
        self._tape = GradientTape(persistent=True, watch_accessed_variables=False)
        self._tape.watch(self._primals)

    def __enter__(self) -> "ForwardAccumulator":
        self._tape.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._tape.__exit__(*exception)

    def jvp(self, primals: Any, unconnected_gradients: str = "none") -> Any:
        """The derivatives of these tensors, in their structure; None (or zeros) for what does not depend on the
        primals.
        """
        return nest.map_structure(lambda y: self._derivative(y, unconnected_gradients), primals)

    def _derivative(self, y: Any, unconnected_gradients: str) -> Any:
        target = convert_to_tensor(y)
        seed = zeros_like(target)
        with self._tape.stop_recording(), GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(seed)
            swept = self._tape.dense_gradient(target, self._primals, seed)
        pairs = [(g, t) for g, t in zip(swept, self._tangents, strict=True) if g is not None]
        if not pairs:
            return seed if unconnected_gradients == "zero" else None
        with self._tape.stop_recording():
            return tape.dense_gradient([g for g, _ in pairs], seed, [t for _, t in pairs], "zero")
