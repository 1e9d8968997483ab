"""What holds while layers are built and called in this thread."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tfcli.engine.tensor import Tensor


class _Settings(threading.local):
    """What holds while layers are built and called in this thread."""

    def __init__(self) -> None:
        self.floatx = "float32"
        self.seed: int | None = None
        """What initial weights are drawn from; None: from the global random state."""
        self.training = False
        self.scope = ""
        """The path of the layer that is being called or built."""
        self.losses: list[Tensor] | None = None
        self.names: Counter[str] = Counter()


settings = _Settings()


@contextmanager
def building(seed: int, floatx: str = "float32") -> Iterator[None]:
    """Layers built inside draw their initial weights from `seed` and make them `floatx`."""
    before = settings.seed, settings.floatx
    settings.seed, settings.floatx = seed, floatx
    try:
        yield
    finally:
        settings.seed, settings.floatx = before


@contextmanager
def calling(training: bool) -> Iterator[list[Tensor]]:
    """Layers called inside are in training or not; yields the losses that they add (activity regularization,
    `add_loss`).
    """
    before = settings.training, settings.losses
    settings.training, settings.losses = training, []
    try:
        yield settings.losses
    finally:
        settings.training, settings.losses = before
