"""Residual networks (He et al., 2015)."""

from tfcli.declare import FieldError, PositiveInt
from tfcli.models.presets.base import EPSILON, Node, Preset, classifier, large_stem, node

_LARGE = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}
"""Blocks in each stage, for large images; other depths have three stages, for small ones."""


class ResNet(Preset, name="resnet", aliases=tuple(f"resnet{n}" for n in (8, 14, 18, 20, 26, 32, 34, 38, 44, 50))):
    """ResNet of a depth 6n + 2 for small images (8, 14, 20, …), or 18, 34 or 50 for large ones.

    That of depth 50 has bottlenecks and, as in keras.applications, biases: 25,636,712 parameters for 1,000 classes.
    """

    classes: PositiveInt = 10
    depth: PositiveInt = 20
    width: PositiveInt | None = None
    "Channels of the first stage; default: 16 for small images, 64 for large ones."

    @classmethod
    def from_name(cls, name):
        digits = "".join(c for c in name if c.isdigit())
        return {"depth": int(digits)} if digits else {}

    def check(self):
        if self.depth not in _LARGE and (self.depth % 6 != 2 or self.depth < 8):
            raise FieldError(
                "depth", f"there is no residual network of depth {self.depth}", "8, 14, 20, …, or 18, 34, 50"
            )

    def layers(self):
        large = self.depth in _LARGE
        stages = _LARGE[self.depth] if large else [(self.depth - 2) // 6] * 3
        width = self.width or (64 if large else 16)
        found = large_stem(self._conv, width) if large else self._conv("stem", width, 3)
        before, channels = found[-1]["name"], width
        for s, blocks in enumerate(stages):
            for i in range(blocks):
                name, stride = f"stage_{s}_{i}", 2 if s and not i else 1
                found += self._block(name, before, channels, width * 2**s, stride)
                before, channels = name, width * 2**s * (4 if self.depth == 50 else 1)
        return [*found, node("global_average_pooling2d"), classifier(self.classes)]

    def _block(self, name: str, before: str, channels: int, width: int, stride: int) -> list[Node]:
        out = width * (4 if self.depth == 50 else 1)
        if self.depth == 50:
            inner = [
                *self._conv(f"{name}_a", width, 1, stride, before),
                *self._conv(f"{name}_b", width, 3),
                *self._conv(f"{name}_c", out, 1, relu=False),
            ]
        else:
            inner = [*self._conv(f"{name}_a", width, 3, stride, before), *self._conv(f"{name}_b", out, 3, relu=False)]
        end, shortcut = inner[-1]["name"], before
        if stride > 1 or channels != out:
            inner += self._conv(f"{name}_shortcut", out, 1, stride, before, relu=False)
            shortcut = inner[-1]["name"]
        return [*inner, node("add", name=f"{name}_sum", inputs=[shortcut, end]), node("relu", name=name)]

    def _conv(
        self,
        name: str,
        filters: int,
        size: int,
        stride: int = 1,
        inputs: str | None = None,
        relu: bool = True,
        padding: str = "same",
    ) -> list[Node]:
        """A convolution with batch normalization."""
        source = {} if inputs is None else {"inputs": inputs}
        as_keras = self.depth == 50
        conv = node("conv2d", name=f"{name}_conv", filters=filters, kernel_size=size, strides=stride, padding=padding)
        norm = node("batch_normalization", name=f"{name}_norm", **({"epsilon": EPSILON} if as_keras else {}))
        found = [conv | ({} if as_keras else {"use_bias": False}) | source, norm]
        return [*found, node("relu", name=f"{name}_relu")] if relu else found
