"""Keras's preprocessing layers for sounds as stages; fields and arithmetic are in `tfcli.engine.preprocessing`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.data.stage import Context, InputTransform, numbers
from tfcli.data.stages.learned import about
from tfcli.engine.preprocessing import audio
from tfcli.engine.tensor import Tensor


class MelSpectrogram(audio.MelSpectrogram, InputTransform):
    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        def run(array: np.ndarray) -> np.ndarray:
            """Before `batch` each example is a batch of its own."""
            with about(name, context):
                return self.transform(Tensor(numbers(array, name, context)), together=context.batched).array

        return run


class STFTSpectrogram(audio.STFTSpectrogram, InputTransform, name="stft_spectrogram"):
    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        kernels = [Tensor(self.kernel(kernel).astype(context.floatx)) for kernel in self.uses]

        def run(array: np.ndarray) -> np.ndarray:
            with about(name, context):
                return self.spectrogram(Tensor(numbers(array, name, context)), kernels).array

        return run
