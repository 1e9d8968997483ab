"""Optimizers, a family a file. Importing this package declares all of them."""

from tfcli.models.optimizers.adam import Adam, Adamax, AdamW, Lamb, Muon, Nadam, ScheduleFreeAdamW
from tfcli.models.optimizers.adaptive import Adadelta, Adafactor, Adagrad, Ftrl, RMSprop
from tfcli.models.optimizers.base import Optimizer
from tfcli.models.optimizers.descent import SGD, Lion

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "ScheduleFreeAdamW",
]
