"""Losses of label sequences."""

from tfcli.engine.ops.comparison import not_equal
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.nn_losses import ctc_loss
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import ones_like
from tfcli.errors import ShapeError
from tfcli.models.losses.base import Loss, describe


class CTC(Loss, name="ctc"):
    """-log p(labels), summed over all alignments of the labels with the steps (Graves et al., 2006).

    y_true (N, U) class numbers, filled up with 0, which is the blank; y_pred (N, T, C) logits. Raises ShapeError.
    """

    takes_labels = True

    def call(self, y_true, y_pred):
        if y_true.ndim != 2 or y_pred.ndim != 3:
            raise ShapeError(
                f"ctc: {describe(y_true, y_pred)}; expected (examples, labels) and (examples, steps, classes)"
            )
        labels = cast(y_true, "int32")
        label_length = reduce_sum(cast(not_equal(labels, 0), "int32"), axis=-1)
        steps = reduce_sum(cast(ones_like(y_pred[:, :, 0]), "int32"), axis=-1)
        return ctc_loss(labels, y_pred, label_length, steps, logits_time_major=False, blank_index=0)
