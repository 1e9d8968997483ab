"""Intersection over union of predicted and true classes. Settings are those of `keras.metrics`."""

import numpy as np

from tfcli.declare import FieldError, NonNegativeInt, PositiveInt
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.linalg import diag_part
from tfcli.engine.ops.reduce import argmax, reduce_sum
from tfcli.engine.ops.segment import unsorted_segment_sum
from tfcli.engine.ops.shape import broadcast_like, ones_like, reshape, zeros_like
from tfcli.engine.tensor import Tensor
from tfcli.models.losses.base import EPSILON
from tfcli.models.metrics.base import UNDECLARED, Metric


class _IoU(Metric, abstract=True):
    """Counts every pair of true and predicted class; what is outside the classes does not count. Weights are whole."""

    direction = "maximize"
    state_dtype = "int64"  # a float32 stops counting at 2**24 pixels
    keeps_targets = True
    # What classes below do not declare as a field of theirs.
    ignore_class = UNDECLARED
    sparse_y_true, sparse_y_pred, axis = True, True, -1

    @property
    def targets(self) -> list[int]:
        """The classes whose overlap is reported."""
        return list(range(self.num_classes))

    def states(self, y_true, y_pred):
        return {"total_confusion_matrix": (self.num_classes, self.num_classes)}

    def classes_of(self, y: Tensor, sparse: bool) -> Tensor:
        """Class numbers (N,) int64."""
        return reshape(cast(y if sparse else argmax(y, axis=self.axis), "int64"), [-1])

    def predicted(self, y_pred: Tensor) -> Tensor:
        return self.classes_of(y_pred, self.sparse_y_pred)

    def update(self, y_true, y_pred, sample_weight):
        true, predicted = self.classes_of(y_true, self.sparse_y_true), self.predicted(y_pred)
        weights = ones_like(true)
        if sample_weight is not None:
            weights = broadcast_like(reshape(cast(sample_weight, "int64"), [-1]), true)
        valid = (true >= 0) & (true < self.num_classes) & (predicted >= 0) & (predicted < self.num_classes)
        if self.ignore_class is not None:
            valid = valid & (true != self.ignore_class)
        cells = where(valid, true * self.num_classes + predicted, -1 * ones_like(true))  # segment -1 is left out
        counts = unsorted_segment_sum(weights, cells, self.num_classes**2)
        self.add(total_confusion_matrix=reshape(counts, [self.num_classes, self.num_classes]))

    def result(self):
        matrix = self.total_confusion_matrix.value()
        both = diag_part(matrix)
        either = reduce_sum(matrix, axis=0) + reduce_sum(matrix, axis=1) - both
        chosen = np.asarray(self.targets, np.int64)
        both, either = (cast(gather(counts, chosen), "float32") for counts in (both, either))
        present = cast(either > 0.0, "float32")
        overlap = where(either > 0.0, both / (either + EPSILON), zeros_like(both))
        return reduce_sum(overlap) / (reduce_sum(present) + EPSILON)


class _ChosenIoU(_IoU, abstract=True):
    @property
    def targets(self):
        return self.target_class_ids

    def check(self):
        outside = [i for i in self.target_class_ids if i >= self.num_classes]
        if outside:
            raise FieldError("target_class_ids", f"there is no class {outside[0]} among {self.num_classes} (from 0)")


class IoU(_ChosenIoU):
    """|A ∩ B| / |A ∪ B| of the true and the predicted places of a class, averaged over `target_class_ids`."""

    num_classes: PositiveInt
    target_class_ids: list[NonNegativeInt]
    ignore_class: int | None = None
    """A true class that does not count."""
    sparse_y_true: bool = True
    """y_true holds class numbers, not one-hot vectors."""
    sparse_y_pred: bool = True
    """y_pred holds class numbers, not scores."""
    axis: int = -1
    """Where the classes are, in what is not sparse."""


class BinaryIoU(_ChosenIoU):
    """Intersection over union of the classes 0 and 1, predicted by one number each."""

    num_classes = 2

    target_class_ids: list[NonNegativeInt] = [0, 1]
    threshold: float = 0.5
    """What is at least this is class 1."""

    def predicted(self, y_pred):
        return reshape(cast(y_pred >= self.threshold, "int64"), [-1])


class MeanIoU(_IoU):
    """Intersection over union, averaged over all classes that occur."""

    num_classes: PositiveInt
    ignore_class: int | None = None
    """A true class that does not count."""
    sparse_y_true: bool = True
    """y_true holds class numbers, not one-hot vectors."""
    sparse_y_pred: bool = True
    """y_pred holds class numbers, not scores."""
    axis: int = -1
    """Where the classes are, in what is not sparse."""


class OneHotIoU(_ChosenIoU):
    """Intersection over union for one-hot targets and scores, averaged over `target_class_ids`."""

    sparse_y_true = False

    num_classes: PositiveInt
    target_class_ids: list[NonNegativeInt]
    ignore_class: int | None = None
    """A true class that does not count."""
    sparse_y_pred: bool = False
    """y_pred holds class numbers, not scores."""
    axis: int = -1


class OneHotMeanIoU(_IoU):
    """Intersection over union for one-hot targets and scores, averaged over all classes that occur."""

    sparse_y_true = False

    num_classes: PositiveInt
    ignore_class: int | None = None
    """A true class that does not count."""
    sparse_y_pred: bool = False
    """y_pred holds class numbers, not scores."""
    axis: int = -1
