"""Losses, a family a file."""

from tfcli.models.losses.base import Loss

__all__ = ["Loss"]
