"""Keras's summary of an experiment's model, with what a forward pass costs beside the parameters."""

from collections.abc import Iterator, Sequence

from tfcli.engine.spec import show_shape
from tfcli.models.network import Network
from tfcli.models.summary import boxed_table, bytes_text, count_text
from tfcli.runner.tracing import LayerCost, TracedStep

_CONNECTED = 36


def model_table(step: TracedStep, rows: Sequence[LayerCost]) -> str:
    """The table, and under it the numbers of parameters. FLOPs and activations are those of one batch."""
    session = step.session
    branched = _is_branched(session.network, rows)
    header = ["Layer (type)", "Output Shape", "Param #", "FLOPs", "Activations"]
    inputs = [
        [f"{name} (InputLayer)", show_shape(spec.shape), "0", "-", "-", "-"]
        for name, spec in session.network.inputs.items()
    ]
    lines = [*(inputs if branched else []), *map(_line, rows)]
    if not branched:
        lines = [line[:-1] for line in lines]
    widths = [None] * len(header) + ([_CONNECTED] if branched else [])
    table = boxed_table([*header, *(["Connected to"] if branched else [])], lines, widths)
    return "\n".join([f'Model: "{session.experiment.name}"', table, *_totals(step, rows)])


def _is_branched(network: Network, rows: Sequence[LayerCost]) -> bool:
    """Whether a layer reads something other than the one before it."""
    before = [next(iter(network.inputs)), *(row.name for row in rows)]
    return len(network.outputs) > 1 or any(row.inputs != (last,) for row, last in zip(rows, before, strict=False))


def _line(row: LayerCost) -> list[str]:
    head = [f"{row.name} ({row.class_name})", show_shape(row.shape), f"{row.parameters:,}"]
    return [*head, f"{row.flops:,}", bytes_text(row.activations), ", ".join(row.inputs)]


def _totals(step: TracedStep, rows: Sequence[LayerCost]) -> Iterator[str]:
    network = step.session.network
    trainable = {id(weight): weight for weight in network.trainable_weights}
    yield f" Total params: {count_text(network.weights)}"
    yield f" Trainable params: {count_text(list(trainable.values()))}"
    yield f" Non-trainable params: {count_text([w for w in network.weights if id(w) not in trainable])}"
    yield f" Optimizer params: {count_text(list(step.session.trainer.variables()['optimizer'].values()))}"
    yield f" FLOPs: {sum(row.flops for row in rows):,} for the forward pass of a batch of {step.batch_size}"
    yield f" Activations: {bytes_text(sum(row.activations for row in rows))} for it"
