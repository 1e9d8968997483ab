"""Metrics of probabilities and of margins: means of a loss. Settings are those of `keras.metrics`."""

from tfcli.declare import Probability
from tfcli.models.losses import hinge, probabilistic
from tfcli.models.metrics.base import LossMean


class BinaryCrossentropy(LossMean, aliases=("bce",)):
    """-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)); labels 0 and 1."""

    loss = probabilistic.BinaryCrossentropy

    from_logits: bool = False
    label_smoothing: Probability = 0.0


class CategoricalCrossentropy(LossMean):
    """-Σ y_true * log(y_pred); y_true one-hot."""

    loss = probabilistic.CategoricalCrossentropy

    from_logits: bool = False
    label_smoothing: Probability = 0.0
    axis: int = -1


class SparseCategoricalCrossentropy(LossMean):
    """-log of the probability of the right class; y_true class numbers."""

    keeps_targets = True
    loss = probabilistic.SparseCategoricalCrossentropy

    from_logits: bool = False
    ignore_class: int | None = None
    """A class number that counts as right."""
    axis: int = -1


class KLDivergence(LossMean, name="kl_divergence", aliases=("kld", "kullback_leibler_divergence")):
    """Σ y_true * log(y_true / y_pred)."""

    loss = probabilistic.KLDivergence


class Poisson(LossMean):
    """mean(y_pred - y_true * log(y_pred))."""

    loss = probabilistic.Poisson


class Hinge(LossMean):
    """mean(max(1 - y_true * y_pred, 0)), labels -1 and 1 (or 0 and 1)."""

    loss = hinge.Hinge


class SquaredHinge(LossMean):
    """mean(max(1 - y_true * y_pred, 0)²), labels -1 and 1 (or 0 and 1)."""

    loss = hinge.SquaredHinge


class CategoricalHinge(LossMean):
    """max(largest wrong score - right score + 1, 0), labels one-hot."""

    loss = hinge.CategoricalHinge
