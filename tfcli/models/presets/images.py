"""Presets for images made of plain convolutions: LeNet, VGG, DenseNet, U-Net."""

from tfcli.declare import PositiveInt, Probability
from tfcli.models.presets.base import EPSILON, Preset, classifier, large_stem, node


class LeNet(Preset, name="lenet", aliases=("lenet5",)):
    """LeNet-5 (LeCun et al., 1998), with ReLU and maximum pooling."""

    classes: PositiveInt = 10

    def layers(self):
        return [
            node("conv2d", filters=6, kernel_size=5, padding="same", activation="relu"),
            node("max_pooling2d"),
            node("conv2d", filters=16, kernel_size=5, padding="same", activation="relu"),
            node("max_pooling2d"),
            node("flatten"),
            node("dense", units=120, activation="relu"),
            node("dense", units=84, activation="relu"),
            classifier(self.classes),
        ]


class VGG(Preset, name="vgg"):
    """Stages of 3x3 convolutions, each ended by pooling (Simonyan and Zisserman, 2014)."""

    classes: PositiveInt = 10
    filters: list[PositiveInt] = [32, 64, 128]
    "One number a stage."
    depth: PositiveInt = 2
    "Convolutions in each stage."
    units: PositiveInt = 128
    dropout: Probability = 0.5

    def layers(self):
        found = []
        for filters in self.filters:
            found += [
                node("conv2d", filters=filters, kernel_size=3, padding="same", activation="relu")
                for _ in range(self.depth)
            ]
            found.append(node("max_pooling2d", padding="same"))
        return [
            *found,
            node("flatten"),
            node("dense", units=self.units, activation="relu"),
            node("dropout", rate=self.dropout),
            classifier(self.classes),
        ]


_DENSE_STAGES = {121: [6, 12, 24, 16], 169: [6, 12, 32, 32], 201: [6, 12, 48, 32]}
"""Layers in each stage of the networks for large images, by their depth."""


class DenseNet(Preset, name="densenet", aliases=tuple(f"densenet{depth}" for depth in _DENSE_STAGES)):
    """Each layer reads what all before it in its stage made (Huang et al., 2017).

    `densenet121`, `densenet169` and `densenet201` are those of keras.applications, for large images.
    """

    classes: PositiveInt = 10
    stages: list[PositiveInt] = [4, 4, 4]
    "Layers in each stage."
    growth: PositiveInt = 12
    "Channels that a layer adds."
    large: bool = False
    "Whether it is for large images: a stem that shrinks them, and a bottleneck in each layer."

    @classmethod
    def from_name(cls, name):
        digits = "".join(c for c in name if c.isdigit())
        return {"stages": _DENSE_STAGES[int(digits)], "growth": 32, "large": True, "classes": 1000} if digits else {}

    def layers(self):
        width = 2 * self.growth
        found = large_stem(self._stem, width) if self.large else [self._conv("stem", width, 3)]
        before = found[-1]["name"]
        for s, depth in enumerate(self.stages):
            if s:
                width //= 2
                found += self._transition(f"transition_{s}", width)
                before = f"transition_{s}_pool"
            for i in range(depth):
                name = f"stage_{s}_{i}"
                found += self._layer(name, before)
                width, before = width + self.growth, name
        tail = [*self._norm("top"), node("global_average_pooling2d")]
        return [*found, *tail, classifier(self.classes)]

    def _stem(self, name: str, filters: int, size: int, stride: int, padding: str):
        return [self._conv(name, filters, size) | {"strides": stride, "padding": padding}, *self._norm(name)]

    def _conv(self, name: str, filters: int, size: int):
        return node("conv2d", name=name, filters=filters, kernel_size=size, padding="same", use_bias=False)

    def _norm(self, name: str, **fields):
        settings = {"epsilon": EPSILON} if self.large else {}
        norm = node("batch_normalization", name=f"{name}_norm", **fields, **settings)
        return [norm, node("relu", name=f"{name}_relu")]

    def _layer(self, name: str, before: str):
        found = self._norm(name, inputs=before)
        if self.large:
            found += [self._conv(f"{name}_narrow", 4 * self.growth, 1), *self._norm(f"{name}_narrow")]
        both = node("concatenate", name=name, inputs=[before, f"{name}_conv"])
        return [*found, self._conv(f"{name}_conv", self.growth, 3), both]

    def _transition(self, name: str, width: int):
        pool = node("average_pooling2d", name=f"{name}_pool", pool_size=2)
        if not self.large:
            pool["padding"] = "same"
        return [*self._norm(name), self._conv(f"{name}_conv", width, 1), pool]


class UNet(Preset, name="unet"):
    """Down through poolings and up again, with what was seen on the way down (Ronneberger et al., 2015).

    The image's sides must divide by 2 ** (stages - 1). The output has a probability of each class at each pixel.
    """

    classes: PositiveInt = 2
    filters: list[PositiveInt] = [16, 32, 64]
    "One number a stage, from the top down."

    def layers(self):
        found = []
        for i, filters in enumerate(self.filters):
            found += [node("max_pooling2d", name=f"pool_{i}")] if i else []
            found += self._double(f"down_{i}", filters)
        for i in reversed(range(len(self.filters) - 1)):
            found += [
                node("conv2d_transpose", name=f"up_{i}_wide", filters=self.filters[i], kernel_size=2, strides=2),
                node("concatenate", name=f"up_{i}_both", inputs=[f"down_{i}", f"up_{i}_wide"]),
                *self._double(f"up_{i}", self.filters[i]),
            ]
        return [*found, node("conv2d", name="head", filters=self.classes, kernel_size=1, activation="softmax")]

    def _double(self, name: str, filters: int):
        conv = {"filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
        return [node("conv2d", name=f"{name}_first", **conv), node("conv2d", name=name, **conv)]
