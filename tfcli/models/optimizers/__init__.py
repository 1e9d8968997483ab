"""Optimizers, a family a file."""

from tfcli.models.optimizers.base import Optimizer

__all__ = ["Optimizer"]
