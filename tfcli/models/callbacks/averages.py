"""The moving averages of the weights in their place."""

from collections.abc import Mapping
from typing import Any

from tfcli.errors import SpecError
from tfcli.models.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Validates and predicts with the averages that the optimizer keeps with `use_ema=True`.

    `swap_on_epoch`: they also are what the callbacks after this one see at the end of an epoch. Raises SpecError where
    the optimizer keeps none.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._in_place = False

    def _put(self, averages: bool) -> None:
        """Put the averages, or the weights, in place unless they are."""
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise SpecError("SwapEMAWeights needs an optimizer with use_ema=True")
        if optimizer.built and self._in_place != averages:
            optimizer.swap_averages()
            self._in_place = averages

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._put(averages=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.swap_on_epoch:
            return
        self._put(averages=True)
        if self.model.stop_training or epoch == self.params["epochs"] - 1:
            # `fit` ends by copying the averages into the weights: these are they, and are to stay.
            self.model.optimizer.keep_as_averages()
            self._in_place = False

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._put(averages=True)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._put(averages=False)

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._put(averages=True)

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._put(averages=False)
