"""Transformers: encoders (BERT), decoders (GPT-2) and images as patches (ViT)."""

from tfcli.declare import FieldError, PositiveInt, Probability
from tfcli.models.presets.base import Node, Preset, classifier, node


class _Transformer(Preset, abstract=True):
    num_layers: PositiveInt = 12
    num_heads: PositiveInt = 12
    width: PositiveInt = 768
    "Size of the vector at each position; a multiple of `num_heads`."
    dropout: Probability = 0.1

    def check(self):
        if self.width % self.num_heads:
            raise FieldError("width", f"{self.width} is no multiple of num_heads, {self.num_heads}")

    def _attention(self, causal: bool) -> Node:
        size = self.width // self.num_heads
        options = {"use_causal_mask": True} if causal else {}
        return node(
            "multi_head_attention", name="attn", num_heads=self.num_heads, key_dim=size, dropout=self.dropout, **options
        )

    def _dense(self) -> list[Node]:
        wide = node("dense", name="wide", units=4 * self.width, activation="gelu")
        return [wide, node("dense", name="narrow", units=self.width), node("dropout", rate=self.dropout)]

    def _before(self, causal: bool) -> Node:
        """The blocks, normalized before attention and dense layers."""
        first = [node("layer_normalization", epsilon=1e-5), self._attention(causal), node("dropout", rate=self.dropout)]
        second = [node("layer_normalization", epsilon=1e-5), *self._dense()]
        inner = [node("residual", name="attention", layers=first), node("residual", name="mlp", layers=second)]
        return node("block", name="blocks", repeat=self.num_layers, layers=inner)

    def _after(self) -> Node:
        """The blocks, normalized after attention and dense layers."""
        first, norm = [self._attention(False), node("dropout", rate=self.dropout)], "layer_normalization"
        inner = [
            node("residual", name="attention", layers=first),
            node(norm, name="attention_norm", epsilon=1e-12),
            node("residual", name="mlp", layers=self._dense()),
            node(norm, name="mlp_norm", epsilon=1e-12),
        ]
        return node("block", name="blocks", repeat=self.num_layers, layers=inner)


class TransformerDecoder(_Transformer, name="transformer_decoder", aliases=("gpt2",)):
    """A decoder of GPT-2's shape (Radford et al., 2019): logits of the next token at each position."""

    vocabulary: PositiveInt = 50257

    def layers(self):
        return [
            node("embedding", name="tokens", input_dim=self.vocabulary, output_dim=self.width),
            node("position_embedding", name="positions"),
            node("dropout", rate=self.dropout),
            self._before(causal=True),
            node("layer_normalization", name="norm", epsilon=1e-5),
            node("dense", name="head", units=self.vocabulary, use_bias=False),
        ]


class TransformerEncoder(_Transformer, name="transformer_encoder", aliases=("bert",)):
    """An encoder of BERT's shape (Devlin et al., 2018), its positions averaged for a classifier."""

    classes: PositiveInt = 2
    vocabulary: PositiveInt = 30522

    def layers(self):
        return [
            node("embedding", name="tokens", input_dim=self.vocabulary, output_dim=self.width),
            node("position_embedding", name="positions"),
            node("layer_normalization", name="norm", epsilon=1e-12),
            node("dropout", rate=self.dropout),
            self._after(),
            node("global_average_pooling1d"),
            classifier(self.classes),
        ]


class ViT(_Transformer, name="vit"):
    """A vision transformer over patches of an image (Dosovitskiy et al., 2020), averaged for a classifier."""

    classes: PositiveInt = 1000
    patch: PositiveInt = 16
    "Side of a patch in pixels."

    def layers(self):
        return [
            node("conv2d", name="patches", filters=self.width, kernel_size=self.patch, strides=self.patch),
            node("reshape", target_shape=[-1, self.width]),
            node("position_embedding", name="positions"),
            node("dropout", rate=self.dropout),
            self._before(causal=False),
            node("layer_normalization", name="norm", epsilon=1e-6),
            node("global_average_pooling1d"),
            classifier(self.classes),
        ]
