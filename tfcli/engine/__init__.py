"""Tensors and computation: ops, differentiation, traced graphs. Knows nothing of layers, files or specs."""
