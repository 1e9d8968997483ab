"""Keras's preprocessing layers in a model; fields and arithmetic are those of `tfcli.engine.preprocessing`."""

from tfcli.engine.preprocessing import catalogue, images
from tfcli.engine.preprocessing.base import Augmentation, Draws, OnTensors, registered
from tfcli.engine.tensor import Tensor
from tfcli.models.layers.base import Layer


class Transforming(OnTensors, Layer, abstract=True):
    """A layer that changes its inputs, always in the same way."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.keeps_integers = cls.takes_integers

    def call(self, inputs: Tensor) -> Tensor:
        return self.transform(inputs)


class Augmenting(Augmentation, Layer, abstract=True):
    """A layer that changes images at random in training, and leaves them alone otherwise."""

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        images.image_size(inputs)
        return self.augment(inputs, Draws(inputs, self.seed)) if training else inputs


globals().update(registered(catalogue.TRANSFORMS, Transforming) | registered(catalogue.AUGMENTATIONS, Augmenting))
