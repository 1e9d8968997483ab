"""Callbacks, a family a file."""

from tfcli.models.callbacks.averages import SwapEMAWeights
from tfcli.models.callbacks.base import Callback, CallbackList, History, LambdaCallback
from tfcli.models.callbacks.board import TensorBoard
from tfcli.models.callbacks.files import BackupAndRestore, CSVLogger, ModelCheckpoint
from tfcli.models.callbacks.progress import ProgbarLogger
from tfcli.models.callbacks.rules import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
