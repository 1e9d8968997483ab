"""What `compile` was told, and the heads that come of it once the outputs are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfcli.declare import nearest
from tfcli.engine import nest
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import SpecError
from tfcli.models.losses import Loss
from tfcli.models.losses.base import Custom
from tfcli.models.metrics import Metric
from tfcli.models.nodes import make
from tfcli.models.objective import Head, Objective


@dataclass
class Compiled:
    """`loss`, `loss_weights` and metrics: one for all outputs, a list, or a dict by output name."""

    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None

    def check(self) -> None:
        """Make the losses and metrics, so that what is misspelt is found now. Raises DeclarationError."""
        self.loss = _made(Loss, self.loss)
        self.metrics, self.weighted_metrics = _made(Metric, self.metrics), _made(Metric, self.weighted_metrics)

    def objective(self, names: Sequence[str], y: Any, y_pred: Any) -> Objective:
        """The losses and metrics for targets and outputs like these. Raises SpecError where they do not go together."""
        outputs = by_output(y_pred, names)
        given = None if y is None else by_output(y, names, outputs)
        named = isinstance(y_pred, Mapping) or bool(names)
        losses = self._for_outputs("loss", self.loss, list(outputs), shared=True)
        weights = self._for_outputs("loss_weights", self.loss_weights, list(outputs), shared=True)
        metrics = self._for_outputs("metrics", self.metrics, list(outputs))
        weighted = self._for_outputs("weighted_metrics", self.weighted_metrics, list(outputs))
        heads = []
        for name, output in outputs.items():
            target = None if given is None else given.get(name)
            loss = None if target is None else losses[name]
            prefix = f"{name}_" if len(outputs) > 1 and named else ""
            own, counted = ([] if target is None else _resolve(m[name], target, output) for m in (metrics, weighted))
            loss_name = f"{_name_of(loss)}_loss" if len(outputs) > 1 and not named else None
            weight = 1.0 if weights[name] is None else float(weights[name])
            heads.append(Head(name, name, loss, weight, own, prefix, counted, loss_name))
        return Objective(heads)

    def _for_outputs(self, what: str, value: Any, names: list[str], shared: bool = False) -> dict[str, Any]:
        """The value of each output. Raises SpecError."""
        if isinstance(value, Mapping):
            unknown = [name for name in value if name not in names]
            if unknown:
                hint = nearest(unknown[0], names) or f"the outputs are {', '.join(names)}"
                raise SpecError(f"compile: {what} names the output `{unknown[0]}`, which the model lacks; {hint}")
            return {name: value.get(name) for name in names}
        if isinstance(value, list | tuple) and (len(names) > 1 or shared):
            if len(value) != len(names):
                raise SpecError(
                    f"compile: {what} has {len(value)} items, the model {len(names)} outputs ({', '.join(names)}); "
                    "give one for each, or a dict by output name"
                )
            return dict(zip(names, value, strict=True))
        if value is not None and not shared and len(names) > 1:
            raise SpecError(f"compile: with several outputs give {what} as a list or a dict, one for each output")
        return dict.fromkeys(names, value)


class CompiledMetrics(Metric, abstract=True):
    """The metrics that `compile` was given, as one whose result is a dict."""

    def __init__(self, model: Any) -> None:
        super().__init__(name="compile_metrics")
        self._model = [model]  # in a list, as what it holds is no part of it

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self._model[0].update_compiled_metrics(y_true, y_pred, sample_weight)

    def _metrics(self) -> dict[str, Metric]:
        objective = self._model[0].objective
        return {} if objective is None else objective.head_metrics()

    def result(self) -> dict[str, Any]:
        return {name: metric.result() for name, metric in self._metrics().items()}

    def reset_state(self) -> None:
        for metric in self._metrics().values():
            metric.reset_state()


def _made(kind: Any, value: Any) -> Any:
    if isinstance(value, Mapping) and "type" not in value:
        return {name: _made(kind, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_made(kind, item) for item in value]
    return make(kind, value)


def _resolve(metrics: Any, target: Tensor, output: Tensor) -> list[Metric]:
    listed = metrics if isinstance(metrics, list | tuple) else [] if metrics is None else [metrics]
    return [m.resolve(target.spec, output.spec) for m in nest.flatten(listed) if m is not None]


def _name_of(loss: Loss | None) -> str:
    if isinstance(loss, Custom):
        return getattr(loss.function, "__name__", "custom")
    return "no" if loss is None else loss.name or loss.type_name


def by_output(structure: Any, names: Sequence[str], like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A value for each output, by name; nameless ones are called output_1, … . Raises SpecError where their number
    differs.
    """
    if isinstance(structure, Mapping):
        return {name: _tensor(value) for name, value in structure.items()}
    if like is not None and len(like) == 1:
        flat = [structure]
    else:
        flat = list(structure) if isinstance(structure, list | tuple) else [structure]
    if like is not None and len(flat) != len(like):
        raise SpecError(f"there are {len(flat)} targets (or weights) for {len(like)} outputs: {', '.join(like)}")
    if like is not None:
        names = list(like)
    elif len(names) != len(flat):
        names = ["output"] if len(flat) == 1 else [f"output_{i + 1}" for i in range(len(flat))]
    return {name: _tensor(value) for name, value in zip(names, flat, strict=True)}


def _tensor(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return None if value is None else convert_to_tensor(value)
