"""Keras's preprocessing layers in a model; fields and arithmetic are those of `tfcli.engine.preprocessing`."""

from tfcli.engine.preprocessing import color, geometry, images
from tfcli.engine.preprocessing.base import Augmentation, Draws, OnTensors
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


class Rescaling(images.Rescaling, Transforming): ...


class Resizing(images.Resizing, Transforming): ...


class CenterCrop(images.CenterCrop, Transforming): ...


class AutoContrast(images.AutoContrast, Transforming): ...


class RandomFlip(geometry.RandomFlip, Augmenting): ...


class RandomRotation(geometry.RandomRotation, Augmenting): ...


class RandomZoom(geometry.RandomZoom, Augmenting): ...


class RandomTranslation(geometry.RandomTranslation, Augmenting): ...


class RandomCrop(geometry.RandomCrop, Augmenting):
    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """In prediction the middle, so that the output's shape is the same."""
        if training:
            return super().call(inputs, training)
        return images.CenterCrop.transform(self, inputs)  # type: ignore[arg-type]


class RandomContrast(color.RandomContrast, Augmenting): ...


class RandomBrightness(color.RandomBrightness, Augmenting): ...


class RandomHue(color.RandomHue, Augmenting): ...


class RandomSaturation(color.RandomSaturation, Augmenting): ...


class RandomGrayscale(color.RandomGrayscale, Augmenting): ...


class RandomInvert(color.RandomInvert, Augmenting): ...


class Solarization(color.Solarization, Augmenting): ...
