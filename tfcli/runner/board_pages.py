"""The pages of TensorBoard that a spec has to ask for: histograms, examples, filters, curves, the projector."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfcli.data.pipeline import Split
from tfcli.data.streamed import StreamedSplit
from tfcli.logging import summaries
from tfcli.logging.durable import write_text
from tfcli.models.network import Network
from tfcli.runner.outcomes import Classified, outcomes
from tfcli.runner.session import Session, embedding_weight

_MOST_CURVES = 30
_SPECIAL = ("[PAD]", "[UNK]")
"""What may stand before the words that a vectorization learned."""
_LEAST_SIDE = 48
"""Smaller pictures are shown with larger pixels."""


def histogram_arrays(session: Session) -> dict[str, np.ndarray]:
    """Weights as they are; gradients and layers' outputs for the first batch of the validation data, else of the
    training data."""
    batch = next(iter(_shown_split(session).batches()))
    trainer = session.trainer
    arrays = {weight.path: weight.array for weight in session.network.weights}
    arrays |= {f"gradients/{path}": array for path, array in trainer.gradients(batch).items()}
    return arrays | {f"activations/{path}": array for path, array in trainer.activations(batch).items()}


def _shown_split(session: Session) -> Split | StreamedSplit:
    return session.data.validation or session.data.train


def model_pages(session: Session, examples: int, pr_curves: bool) -> Iterator[bytes]:
    """Examples, those that the model gets wrong, its filters, and its precision-recall curves."""
    split = _shown_split(session)
    if examples:
        yield from _example_pages(session, split, examples)
        yield from _filter_pages(session.network)
    found = [item for item in outcomes(session, split) if isinstance(item, Classified)]
    if examples:
        for item in found:
            yield from _misclassified_pages(item, split, examples)
    if pr_curves:
        for item in found:
            for name, is_positive, probability in item.questions()[:_MOST_CURVES]:
                yield summaries.pr_curve(f"{item.head.prefix}{name}", is_positive, probability)


def _example_pages(session: Session, split: Split | StreamedSplit, count: int) -> Iterator[bytes]:
    """The first inputs, each as what it is: text, sound or picture."""
    rate = getattr(session.experiment.data.training_source, "sample_rate", None)
    for name, array in first_inputs(split, count).items():
        if array.dtype == object:
            yield summaries.texts(f"inputs/{name}", [str(value) for value in array.ravel()])
        elif is_picture(array.shape[1:]):
            yield summaries.images(f"inputs/{name}", pictures(array))
        elif rate is not None and array.ndim in (2, 3):
            yield summaries.audio(f"inputs/{name}", array.reshape(len(array), array.shape[1], -1), rate)


def first_inputs(split: Split | StreamedSplit, count: int) -> dict[str, np.ndarray]:
    """What the model reads of a split's first examples."""
    return inputs_at(split, np.arange(min(count, split.num_examples)))


def inputs_at(split: Split | StreamedSplit, places: np.ndarray) -> dict[str, np.ndarray]:
    """What the model reads of the examples at some places of a split's order."""
    found: dict[str, list[np.ndarray]] = {}
    begin = 0
    for batch in split.batches(0):
        here = places[(places >= begin) & (places < begin + len(batch))] - begin
        for name, array in batch.inputs.items():
            found.setdefault(name, []).append(array[here])
        begin += len(batch)
    order = np.argsort(np.argsort(places, kind="stable"), kind="stable")
    return {name: np.concatenate(parts)[order] for name, parts in found.items()}


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether examples (H, W, C) can be looked at."""
    return len(shape) == 3 and shape[-1] in (1, 3, 4) and min(shape[:2]) > 1


def pictures(array: np.ndarray) -> np.ndarray:
    """(N, H, W, C) from 0 to 1, small ones larger: numbers outside of 0 … 1 are stretched to it over all examples."""
    values = array.astype(np.float64)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=1.0))
    values = (values - low) / (high - low)
    times = max(1, -(-_LEAST_SIDE // max(values.shape[1:3])))
    return values.repeat(times, axis=1).repeat(times, axis=2)


def _misclassified_pages(found: Classified, split: Split | StreamedSplit, count: int) -> Iterator[bytes]:
    """The wrong answers that the model was surest of."""
    if found.each > 1:
        return
    order = np.argsort(-found.badness, kind="stable")
    places = order[~found.right[order]][:count]
    rows = [
        f"| {place} | {found.names[found.true[place]]} | {found.names[found.predicted[place]]} "
        f"| {found.probabilities[place, found.true[place]]:.3f} |"
        for place in places
    ]
    prefix = f"{found.head.prefix}misclassified"
    if not rows:
        return
    head = "| example | true | predicted | probability of the true one |\n|---|---|---|---|"
    yield summaries.texts(prefix, ["\n".join([head, *rows])])
    for name, array in inputs_at(split, places).items():
        if is_picture(array.shape[1:]):
            yield summaries.images(f"{prefix}/{name}", pictures(array), "\n".join([head, *rows]))


def _filter_pages(network: Network) -> Iterator[bytes]:
    """The kernels of the first convolution over pictures."""
    for weight in network.weights:
        if weight.path.endswith("/kernel") and weight.array.ndim == 4:
            kernel = weight.array.transpose(3, 0, 1, 2)  # (F, KH, KW, C)
            shown = kernel if kernel.shape[-1] in (1, 3) else kernel.mean(axis=-1, keepdims=True)
            low, high = shown.min(), shown.max()
            yield summaries.images(f"filters/{weight.path}", pictures((shown - low) / max(high - low, 1e-12)))
            return


def write_embeddings(directory: Path, session: Session, names: list[str]) -> None:
    """The vectors of each embedding layer as a TSV file, their words where a text vectorization has as many, and the
    projector page's list of them."""
    from google.protobuf.text_format import MessageToString
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    config = ProjectorConfig()
    for name in names:
        weight = embedding_weight(session.network, name)
        assert weight is not None, "checked with the spec"
        file = f"{name.replace('/', '-')}.tsv"
        text = io.StringIO()
        np.savetxt(text, weight.array, fmt="%.6g", delimiter="\t")
        write_text(directory / file, text.getvalue())
        described = config.embeddings.add(tensor_name=weight.path, tensor_path=file)
        labels = _words(session, len(weight.array))
        if labels is not None:
            described.metadata_path = f"{name.replace('/', '-')}-labels.tsv"
            write_text(directory / described.metadata_path, "".join(f"{label}\n" for label in labels))
    write_text(directory / "projector_config.pbtxt", MessageToString(config))


def _words(session: Session, count: int) -> list[str] | None:
    """What each of `count` indices stands for: a vocabulary of that size, or less what stands before its words."""
    layers = [layer.get_vocabulary() for layer in session.network.layers if hasattr(layer, "get_vocabulary")]
    for vocabulary in [*layers, *session.data.vocabularies()]:
        missing = count - len(vocabulary)
        if 0 <= missing <= len(_SPECIAL):
            words = [*_SPECIAL[len(_SPECIAL) - missing :], *map(str, vocabulary)]
            return [word if word.strip() else repr(word) for word in words]
    return None
