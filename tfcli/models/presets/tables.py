"""Presets for vectors and texts: multilayer perceptrons, autoencoders, text models, pairs."""

from tfcli.declare import PositiveInt, Probability
from tfcli.models.presets.base import Preset, classifier, node


class MLP(Preset, name="mlp"):
    """Dense layers after one another."""

    classes: PositiveInt = 10
    units: list[PositiveInt] = [128, 64]
    activation: str = "relu"
    dropout: Probability = 0.0

    def layers(self):
        found = [node("flatten")]
        for units in self.units:
            found.append(node("dense", units=units, activation=self.activation))
            found += [node("dropout", rate=self.dropout)] if self.dropout else []
        return [*found, classifier(self.classes)]


class Autoencoder(Preset):
    """Dense layers down to a code and back up to vectors of `size`."""

    size: PositiveInt
    units: list[PositiveInt] = [64]
    code: PositiveInt = 16

    def layers(self):
        down = [node("dense", units=units, activation="relu") for units in self.units]
        up = [node("dense", units=units, activation="relu") for units in reversed(self.units)]
        return [*down, node("dense", name="code", units=self.code), *up, node("dense", name="output", units=self.size)]


class WideAndDeep(Preset):
    """A linear layer beside dense ones, added up (Cheng et al., 2016)."""

    classes: PositiveInt = 2
    units: list[PositiveInt] = [64, 32]

    def layers(self):
        deep = [node("dense", units=units, activation="relu") for units in self.units]
        return [
            node("identity", name="both"),
            *deep,
            node("dense", name="deep", units=self.classes),
            node("dense", name="wide", units=self.classes, inputs="both"),
            node("add", name="logits", inputs=["wide", "deep"]),
            node("softmax", name="head"),
        ]


class Siamese(Preset):
    """One encoder for both rows of an input (2, size); the head reads how far apart the two codes are."""

    units: list[PositiveInt] = [64, 32]

    def layers(self):
        encoder = [
            node("time_distributed", layer=node("dense", units=units, activation="relu")) for units in self.units
        ]
        return [
            *encoder,
            node("identity", name="codes"),
            node("cropping1d", name="first", inputs="codes", cropping=[0, 1]),
            node("cropping1d", name="second", inputs="codes", cropping=[1, 0]),
            node("subtract", name="difference", inputs=["first", "second"]),
            node("flatten"),
            node("multiply", name="squared", inputs=["flatten", "flatten"]),
            node("dense", name="head", units=1, activation="sigmoid"),
        ]


class TextCNN(Preset, name="text_cnn"):
    """Convolutions of several widths over word vectors, each pooled to its maximum (Kim, 2014)."""

    classes: PositiveInt = 2
    vocabulary: PositiveInt = 10000
    embedding: PositiveInt = 64
    filters: PositiveInt = 64
    widths: list[PositiveInt] = [3, 4, 5]
    dropout: Probability = 0.5

    def layers(self):
        found = [node("embedding", name="embedding", input_dim=self.vocabulary, output_dim=self.embedding)]
        for i, width in enumerate(self.widths):
            found += [
                node(
                    "conv1d",
                    name=f"conv_{i}",
                    inputs="embedding",
                    filters=self.filters,
                    kernel_size=width,
                    padding="same",
                    activation="relu",
                ),
                node("global_max_pooling1d", name=f"pool_{i}"),
            ]
        if len(self.widths) > 1:
            found.append(node("concatenate", inputs=[f"pool_{i}" for i in range(len(self.widths))]))
        return [*found, node("dropout", rate=self.dropout), classifier(self.classes)]


class BiLSTM(Preset, name="bilstm"):
    """LSTMs in both directions over word vectors; the padding, 0, is masked."""

    classes: PositiveInt = 2
    vocabulary: PositiveInt = 10000
    embedding: PositiveInt = 64
    units: list[PositiveInt] = [64]

    def layers(self):
        last = len(self.units) - 1
        lstms = [
            node("bidirectional", layer=node("lstm", units=units, return_sequences=i < last))
            for i, units in enumerate(self.units)
        ]
        embedding = node("embedding", input_dim=self.vocabulary, output_dim=self.embedding, mask_zero=True)
        return [embedding, *lstms, classifier(self.classes)]
