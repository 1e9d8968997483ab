"""What holds while layers are built and called in this thread."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tfcli.engine.tensor import Tensor
from tfcli.models.layers.policy import Policy, as_policy


class _Settings(threading.local):
    """What holds while layers are built and called in this thread."""

    def __init__(self) -> None:
        self.policy = Policy()
        """What layers compute in unless they have a `dtype` of their own."""
        self.seed: int | None = None
        """What initial weights are drawn from; None: from the global random state."""
        self.room: int | None = None
        """Bytes that new weights may take together; None: as many as they ask for."""
        self.training = False
        self.scope = ""
        """The path of the layer that is being called or built."""
        self.losses: list[Tensor] | None = None
        self.names: Counter[str] = Counter()

    @property
    def floatx(self) -> str:
        """What layers compute in, operands of products apart."""
        return self.policy.dtype


settings = _Settings()


@contextmanager
def building(seed: int, floatx: str = "float32") -> Iterator[None]:
    """Layers built inside draw their initial weights from `seed` and follow the policy `floatx`."""
    before = settings.seed, settings.policy
    settings.seed, settings.policy = seed, as_policy(floatx)
    try:
        yield
    finally:
        settings.seed, settings.policy = before


@contextmanager
def building_within(room: int) -> Iterator[None]:
    """Layers built inside, as a file describes them, may take `room` bytes of weights together."""
    before, settings.room = settings.room, room
    try:
        yield
    finally:
        settings.room = before


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
