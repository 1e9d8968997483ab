"""The pipeline stages, one family a file; importing this package declares them."""

from tfcli.data.stages import audio, categories, filter, flow, images, map, numeric, order

__all__ = ["audio", "categories", "filter", "flow", "images", "map", "numeric", "order"]
