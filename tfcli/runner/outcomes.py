"""What a model says of each example of a split, beside the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfcli.data.pipeline import Split
from tfcli.data.streamed import StreamedSplit
from tfcli.models.trainer import Head
from tfcli.runner.session import Session


@dataclass(frozen=True)
class Classified:
    """Of a classifier's head: `true` and `predicted` (N,) class numbers, `probabilities` (N, C), classes' `names`.

    A model that classifies several things of each example (a word's next letter at each place) has them one after
    the other, `each` of them an example.
    """

    head: Head
    true: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    names: list[str]
    each: int = 1

    @cached_property
    def matrix(self) -> np.ndarray:
        """(C, C): how many of each class, down, were taken for which, across."""
        count = len(self.names)
        matrix = np.zeros((count, count), np.int64)
        np.add.at(matrix, (self.true, self.predicted), 1)
        return matrix

    @property
    def right(self) -> np.ndarray:
        """(N,) bool."""
        return self.true == self.predicted

    @property
    def badness(self) -> np.ndarray:
        """(N,): how little the right class was thought of, 0 to 1."""
        return 1.0 - self.probabilities[np.arange(len(self.true)), self.true]

    def questions(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """A yes-or-no question for each class (with two classes: the second alone): name, truth, probability."""
        classes = [1] if len(self.names) == 2 else range(len(self.names))
        return [(self.names[i], self.true == i, self.probabilities[:, i]) for i in classes]


@dataclass(frozen=True)
class Measured:
    """Of a head that predicts amounts: `true` and `predicted` (N, K), in the target's units."""

    head: Head
    true: np.ndarray
    predicted: np.ndarray

    @property
    def badness(self) -> np.ndarray:
        """(N,): the mean absolute error of each example."""
        return np.abs(self.predicted - self.true).mean(axis=1)


Outcome = Classified | Measured


def outcomes(session: Session, split: Split | StreamedSplit, heads: Sequence[Head] | None = None) -> list[Outcome]:
    """What each head (of `heads`: default all) says of a split's examples, in their order; heads that neither classify
    nor measure are left out."""
    outputs = session.trainer.predict(split.batches(0))
    targets = collect_targets(split)
    found = [
        outcome(head, targets[head.target], outputs[head.output], session.data.class_names.get(head.target))
        for head in (session.trainer.heads if heads is None else heads)
    ]
    return [item for item in found if item is not None]


def outcome(head: Head, true: np.ndarray, output: np.ndarray, names: list[str] | None) -> Outcome | None:
    """A head's output (N, …) beside the labels as the model is compared with them."""
    classes = predicted_classes(head, output)
    if classes is not None:
        one_hot = true.shape == output.shape and true.shape[-1] > 1
        labels = (true.argmax(-1) if one_hot else true.reshape(classes.shape)).astype(np.int64)
        shown = probabilities(head, output)
        shown = shown.reshape(-1, shown.shape[-1])
        each = labels[:1].size
        known = names or [str(i) for i in range(shown.shape[1])]
        inside = (labels >= 0) & (labels < len(known))  # ignored labels are outside
        if each > 1:
            keep = inside.ravel()
            return Classified(head, labels.ravel()[keep], classes.ravel()[keep], shown[keep], known, each)
        return Classified(head, labels.ravel(), classes.ravel(), shown, known) if inside.all() else None
    if true.size != output.size or not np.issubdtype(true.dtype, np.number):
        return None
    return Measured(head, *(np.reshape(a, (len(a), -1)).astype(np.float64) for a in (true, output)))


def collect_targets(split: Split | StreamedSplit) -> dict[str, np.ndarray]:
    """A split's labels as the model is compared with them, by target, in order."""
    batches = [batch.targets for batch in split.batches(0)]
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def predicted_classes(head: Head, predicted: np.ndarray) -> np.ndarray | None:
    """The class that each row of outputs stands for, or None where the loss is not a classifier's."""
    kind = head.loss.type_name if head.loss is not None else ""
    if kind == "binary_crossentropy" and predicted.shape[-1] == 1:
        threshold = 0.0 if getattr(head.loss, "from_logits", False) else 0.5
        return (predicted[..., 0] > threshold).astype(np.int64)
    if "categorical" in kind:
        return predicted.argmax(-1)
    return None


def probabilities(head: Head, output: np.ndarray) -> np.ndarray:
    """(…, C) for a classifier's output, one probability of class 1 or one entry a class, maybe logits."""
    is_logits = getattr(head.loss, "from_logits", False)
    if output.shape[-1] == 1:
        positive = np.exp(-np.logaddexp(0, -output)) if is_logits else output
        return np.concatenate([1 - positive, positive], axis=-1)
    if is_logits:
        shifted = np.exp(output - output.max(axis=-1, keepdims=True))
        return shifted / shifted.sum(axis=-1, keepdims=True)
    return output
