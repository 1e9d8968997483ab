"""Known architectures in spec form, a family a file. Importing this package declares all of them."""

from tfcli.models.presets import images, mobile, residual, tables, transformers  # noqa: F401
from tfcli.models.presets.base import Preset

__all__ = ["Preset"]
