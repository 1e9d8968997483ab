"""Known architectures in spec form, a family a file."""

from tfcli.models.presets.base import Preset

__all__ = ["Preset"]
