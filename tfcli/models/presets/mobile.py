"""Networks of inverted bottlenecks: MobileNetV2 (Sandler et al., 2018), EfficientNet-B0 (Tan and Le, 2019)."""

from typing import ClassVar

from tfcli.declare import PositiveFloat, PositiveInt, Probability
from tfcli.models.presets.base import Node, Preset, classifier, node

Stage = tuple[int, int, int, int, int]
"""Expansion, channels, blocks, stride, kernel size."""


class _Inverted(Preset, abstract=True):
    stages: ClassVar[list[Stage]]
    activation: ClassVar[str]
    squeeze: ClassVar[int | None]
    """What the channels of a block's input are divided by for its squeeze-and-excitation; None: it has none."""
    last: ClassVar[int] = 1280

    classes: PositiveInt = 1000
    alpha: PositiveFloat = 1.0
    "Factor of all numbers of channels."
    dropout: Probability = 0.2

    def layers(self):
        channels = self._width(32)
        found = self._conv("stem", channels, 3, 2)
        before = found[-1]["name"]
        for s, (expansion, width, blocks, stride, size) in enumerate(self.stages):
            for i in range(blocks):
                name, step = f"stage_{s}_{i}", stride if i == 0 else 1
                found += self._block(name, before, channels, expansion, self._width(width), step, size)
                before, channels = found[-1]["name"], self._width(width)
        tail = [node("global_average_pooling2d"), node("dropout", rate=self.dropout), classifier(self.classes)]
        return [*found, *self._conv("top", max(self.last, self._width(self.last)), 1), *tail]

    def _width(self, channels: int) -> int:
        """Channels by `alpha`, in whole eights, never more than a tenth below."""
        wanted = channels * self.alpha
        rounded = max(8, int(wanted + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * wanted else rounded

    def _norm(self, name: str, active: bool = True) -> list[Node]:
        found = [node("batch_normalization", name=f"{name}_norm")]
        return [*found, node("activation", name=f"{name}_active", activation=self.activation)] if active else found

    def _conv(self, name: str, filters: int, size: int, stride: int = 1, active: bool = True) -> list[Node]:
        conv = node("conv2d", name=f"{name}_conv", filters=filters, kernel_size=size, strides=stride)
        return [conv | {"padding": "same", "use_bias": False}, *self._norm(name, active)]

    def _block(
        self, name: str, before: str, channels: int, expansion: int, width: int, stride: int, size: int
    ) -> list[Node]:
        wide = self._conv(f"{name}_wide", channels * expansion, 1) if expansion > 1 else []
        depthwise = node("depthwise_conv2d", name=f"{name}_depth", kernel_size=size, strides=stride)
        found = [*wide, depthwise | {"padding": "same", "use_bias": False}, *self._norm(f"{name}_depth")]
        found += self._excite(f"{name}_squeeze", channels, channels * expansion, found[-1]["name"])
        found += self._conv(f"{name}_narrow", width, 1, active=False)
        if stride == 1 and channels == width:
            found.append(node("add", name=name, inputs=[before, found[-1]["name"]]))
        return found

    def _excite(self, name: str, channels: int, wide: int, before: str) -> list[Node]:
        """Each channel times a weight that the whole image decides."""
        if self.squeeze is None:
            return []
        return [
            node("global_average_pooling2d", name=f"{name}_pool", keepdims=True),
            node(
                "conv2d",
                name=f"{name}_down",
                filters=max(1, channels // self.squeeze),
                kernel_size=1,
                activation=self.activation,
            ),
            node("conv2d", name=f"{name}_up", filters=wide, kernel_size=1, activation="sigmoid"),
            node("multiply", name=name, inputs=[before, f"{name}_up"]),
        ]


class MobileNetV2(_Inverted, name="mobilenet_v2"):
    """MobileNetV2."""

    stages = [
        (1, 16, 1, 1, 3),
        (6, 24, 2, 2, 3),
        (6, 32, 3, 2, 3),
        (6, 64, 4, 2, 3),
        (6, 96, 3, 1, 3),
        (6, 160, 3, 2, 3),
        (6, 320, 1, 1, 3),
    ]
    activation, squeeze = "relu6", None


class EfficientNetB0(_Inverted, name="efficientnet_b0"):
    """EfficientNet-B0."""

    stages = [
        (1, 16, 1, 1, 3),
        (6, 24, 2, 2, 3),
        (6, 40, 2, 2, 5),
        (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ]
    activation, squeeze = "silu", 4
