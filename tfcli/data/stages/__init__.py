"""The pipeline stages, one family a file; importing this package declares them."""

from tfcli.data.stages import categories, flow, images, map, numeric, order

__all__ = ["categories", "flow", "images", "map", "numeric", "order"]
