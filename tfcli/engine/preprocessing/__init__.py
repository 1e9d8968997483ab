"""Keras's preprocessing layers, each declared once: its fields, and its arithmetic in ops or plain numpy.

`tfcli.models.layers.preprocessing` registers them as layers of a model, `tfcli.data.stages` as stages of the input
pipeline; neither adds arithmetic of its own.
"""
