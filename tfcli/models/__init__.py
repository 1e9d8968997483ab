"""Layers, losses, metrics and optimizers, and the networks and training steps made of them."""
