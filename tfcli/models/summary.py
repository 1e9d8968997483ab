"""The table of a model's layers that Keras prints."""

import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.spec import show_shape
from tfcli.errors import SpecError
from tfcli.models.drawing import Box
from tfcli.models.layers.symbolic import LayerCall

_WIDEST = 400
"""Columns that a table may take where its width is left to it."""


def summarize(
    model: Any,
    line_length: int | None,
    positions: Sequence[float] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None,
) -> str:
    """The table as text, in Keras's widths, with the counts of parameters under it."""
    branched = _is_branched(model)
    width, places = (108, [0.3, 0.56, 0.74, 1.0]) if branched else (88, [0.45, 0.8, 1.0])
    if show_trainable:
        width, places = width + 12, [p * 0.9 for p in places] + [1.0]
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    edges = [int(place * width) for place in positions or places]
    widths = [end - start for start, end in zip([0, *edges], edges, strict=False)]
    rows = [
        [*row, *([_connections(layer, model)] if branched else []), *([_trainable(layer)] if show_trainable else [])]
        for top in _chosen(model.layers, layer_range)
        for layer, row in _rows(top, "", expand_nested)
    ]
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += (["Connected to"] if branched else []) + (["Trainable"] if show_trainable else [])
    return "\n".join([f'Model: "{model.name}"', boxed_table(header, rows, widths, width), *_totals(model)])


def boxed_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int | None] | None = None,
    width: int | None = None,
) -> str:
    """Keras's table, numbers to the right; by default as wide as what is in it. None in `widths`: as wide as needed."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    justify = {"Param #": "right", "FLOPs": "right", "Activations": "right", "Trainable": "center"}
    widths = widths or [None] * len(header)
    columns = [Column(h, justify=justify.get(h, "left"), width=w) for h, w in zip(header, widths, strict=True)]  # type: ignore[arg-type]
    table = Table(*columns, width=width, show_lines=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=width or _WIDEST, highlight=False, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip("\n")


def _rows(layer: Any, prefix: str, expand_nested: bool) -> Iterator[tuple[Any, list[str]]]:
    params = f"{sum(int(np.prod(w.shape)) for w in layer.weights):,}" if layer.built else "0 (unbuilt)"
    yield layer, [f"{prefix}{layer.name} ({type(layer).__name__})", _shape(layer), params]
    if expand_nested and hasattr(layer, "layers") and not layer.is_registered():
        for inner in layer.layers:
            yield from _rows(inner, f"   {prefix}" if prefix else "   └ ", expand_nested)


def _shape(layer: Any) -> str:
    if layer.calls:
        outputs = layer.calls[-1].outputs
    elif getattr(layer, "wiring", None) is not None:
        outputs = layer.output
    else:
        outputs = layer.__dict__.get("_output_specs")
    shapes = [show_shape(value.shape) for value in nest.flatten(outputs) if value is not None]
    if not shapes:
        return "?"
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _connections(layer: Any, model: Any) -> str:
    """`a[0][0]`: the layer, the number of its call, the number of the output."""
    mine = {id(call) for call in model.wiring.calls}
    nodes = [nest.flatten(call.outputs)[0].node for call in layer.calls if id(call) in mine]
    shown = []
    for symbol in (symbol for node in nodes for symbol in node.inputs):
        op = symbol.node.op
        number = [id(c) for c in op.layer.calls].index(id(op)) if isinstance(op, LayerCall) else 0
        shown.append(f"{symbol.node.name}[{number}][{symbol.index}]")
    return ", ".join(shown) or "-"


def model_boxes(model: Any, shown: Collection[str]) -> list[Box]:
    """A box for each layer with an arrow from each that it reads.

    `shown`: what stands in it besides the class, of `name`, `activation`, `dtype`, `shape` and `trainable`. Raises
    SpecError where the model does not say how its layers are wired.
    """
    if model.wiring is not None and model.wiring.layers == model.layers:
        read = {layer.name: _read_by(layer, model) for layer in model.layers}
    elif type(model).__name__ == "Sequential":
        names = [layer.name for layer in model.layers]
        read = dict(zip(names, [[], *([name] for name in names)], strict=False))
    else:
        raise SpecError(f"{model.name} is a subclassed model, which does not say how its layers are wired")
    return [Box(layer.name, tuple(_box_lines(layer, shown)), tuple(read[layer.name])) for layer in model.layers]


def _read_by(layer: Any, model: Any) -> list[str]:
    mine = {id(call) for call in model.wiring.calls}
    nodes = [nest.flatten(call.outputs)[0].node for call in layer.calls if id(call) in mine]
    return list(dict.fromkeys(symbol.node.name for node in nodes for symbol in node.inputs))


def _box_lines(layer: Any, shown: Collection[str]) -> Iterator[str]:
    kind = type(layer).__name__
    yield f"{layer.name} ({kind})" if "name" in shown else kind
    activation = getattr(layer, "activation", None)
    if "activation" in shown and activation is not None:
        yield f"activation: {getattr(activation, 'type_name', activation)}"
    if "shape" in shown:
        yield _shape(layer)
    if "dtype" in shown:
        yield f"dtype: {layer.dtype}"
    if "trainable" in shown:
        yield "trainable" if layer.trainable else "not trainable"


def _is_branched(model: Any) -> bool:
    """Whether the functional model is more than a chain: several inputs somewhere, or a layer used twice."""
    if model.wiring is None or model.wiring.layers != model.layers:
        return False
    calls = model.wiring.calls
    fans = [len(nest.flatten(call.outputs)[0].node.inputs) for call in calls]
    ends = len(model.wiring.inputs) > 1 or len(model.wiring.outputs) > 1
    return ends or max(fans, default=0) > 1 or len(calls) > len(model.wiring.layers)


def _trainable(layer: Any) -> str:
    if not layer.weights:
        return "-"
    return "Y" if layer.trainable else "N"


def _chosen(layers: list[Any], names: Sequence[str] | None) -> list[Any]:
    """The layers from the first that matches one pattern to the last that matches the other. Raises SpecError."""
    if names is None:
        return layers
    starts = [i for i, layer in enumerate(layers) if re.match(names[0], layer.name)]
    ends = [i for i, layer in enumerate(layers) if re.match(names[1], layer.name)]
    if not starts or not ends:
        raise SpecError(
            f"layer_range {list(names)} matches no layers; there are: {', '.join(layer.name for layer in layers)}"
        )
    first, last = sorted((starts[0], ends[-1]))
    return layers[first : last + 1]


def _totals(model: Any) -> Iterator[str]:
    optimizer = model.optimizer if model.compiled and model.optimizer.built else None
    slots = list(optimizer.variables.values()) if optimizer else []
    trainable, others = model.trainable_weights, model.non_trainable_weights
    yield f" Total params: {count_text([*trainable, *others, *slots])}"
    yield f" Trainable params: {count_text(trainable)}"
    yield f" Non-trainable params: {count_text(others)}"
    if slots:
        yield f" Optimizer params: {count_text(slots)}"


def count_text(weights: Sequence[Any]) -> str:
    """`67 (268.00 B)`: how many numbers variables hold, and their bytes."""
    size = sum(w.array.nbytes for w in weights)
    return f"{sum(w.array.size for w in weights):,} ({bytes_text(size)})"


def bytes_text(size: float) -> str:
    """Bytes as Keras prints them."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TB"
