"""Presets: each builds, its layers read back as a spec, and small ones train."""

import numpy as np
import pytest

from tfcli.declare import DeclarationError, FieldError, convert
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.models.losses import Loss
from tfcli.models.network import Network
from tfcli.models.optimizers import Optimizer
from tfcli.models.presets import Preset
from tfcli.models.spec import ModelSpec
from tfcli.models.trainer import Trainer, make_heads

SMALL = {"num_layers": 2, "num_heads": 2, "width": 8}
IMAGE, TOKENS = ((16, 16, 3), "float32"), ((6,), "int64")
CASES = {
    # preset: settings, input, shape of an output
    "mlp": ({"classes": 3, "units": [5], "dropout": 0.1}, ((4,), "float32"), (3,)),
    "autoencoder": ({"size": 6, "units": [5], "code": 2}, ((6,), "float32"), (6,)),
    "wide_and_deep": ({"classes": 3, "units": [5]}, ((4,), "float32"), (3,)),
    "siamese": ({"units": [5, 3]}, ((2, 4), "float32"), (1,)),
    "text_cnn": ({"classes": 3, "vocabulary": 9, "embedding": 4, "filters": 2}, TOKENS, (3,)),
    "bilstm": ({"classes": 3, "vocabulary": 9, "embedding": 4, "units": [3, 2]}, TOKENS, (3,)),
    "lenet": ({"classes": 3}, IMAGE, (3,)),
    "vgg": ({"classes": 3, "filters": [2, 3], "units": 4}, IMAGE, (3,)),
    "densenet": ({"classes": 3, "stages": [2, 2], "growth": 2}, IMAGE, (3,)),
    "unet": ({"classes": 3, "filters": [2, 3]}, IMAGE, (16, 16, 3)),
    "resnet": ({"classes": 3, "depth": 8, "width": 2}, IMAGE, (3,)),
    "mobilenet_v2": ({"classes": 3, "alpha": 0.1}, ((32, 32, 3), "float32"), (3,)),
    "efficientnet_b0": ({"classes": 3, "alpha": 0.1}, ((32, 32, 3), "float32"), (3,)),
    "transformer_decoder": ({"vocabulary": 9, **SMALL}, TOKENS, (6, 9)),
    "transformer_encoder": ({"vocabulary": 9, "classes": 3, **SMALL}, TOKENS, (3,)),
    "vit": ({"classes": 3, "patch": 4, **SMALL}, IMAGE, (3,)),
}


def network_of(preset, given) -> Network:
    shape, dtype = given
    return Network(ModelSpec(preset=preset), {"x": TensorSpec(Shape((None, *shape)), dtype)})


def test_every_preset_has_a_case():
    assert {cls.type_name for cls in Preset.registry} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_it_builds_and_trains_a_step(name: str):
    settings, given, output = CASES[name]
    network = network_of({"type": name, **settings}, given)
    (spec,) = network.output_specs.values()
    assert tuple(spec.shape[1:]) == output
    random = np.random.default_rng(0)
    x = random.integers(1, 9, (2, *given[0])) if given is TOKENS else random.normal(size=(2, *given[0]))
    batch = Batch({"x": x.astype(given[1])}, {"y": np.zeros((2, *output), "float32")})
    problems = []
    loss, optimizer = convert(Loss, "mse", (), problems), convert(Optimizer, "sgd", (), problems)
    heads = make_heads(network, {"y": TensorSpec(Shape((None, *output)), "float32")}, loss, None, [])
    before = {w.path: w.numpy().copy() for w in network.trainable_weights}
    assert np.isfinite(Trainer(network, heads, optimizer).train_batch(batch))
    assert any(not np.array_equal(before[w.path], w.numpy()) for w in network.trainable_weights)


class Batch:
    def __init__(self, inputs, targets):
        self.inputs, self.targets, self.weights = inputs, targets, None


@pytest.mark.parametrize(("name", "parameters"), [("resnet20", 272_474), ("resnet50", 23_555_082)])
def test_residual_networks_have_their_known_size(name: str, parameters: int):
    network = network_of(name, ((32, 32, 3), "float32"))
    assert sum(int(np.prod(w.shape)) for w in network.trainable_weights) == parameters


def test_the_layers_are_written_out_in_the_resolved_spec():
    spec = ModelSpec(preset={"type": "mlp", "units": [4]}).spec()
    assert spec["preset"] is None
    assert [layer["type"] for layer in spec["layers"]] == ["flatten", "dense", "dense"]


def test_a_preset_besides_layers_is_refused():
    with pytest.raises(FieldError, match="either `layers` or a `preset`"):
        ModelSpec(preset="mlp", layers=["flatten"])


def test_an_unknown_parameter_is_refused():
    with pytest.raises(DeclarationError, match="unit"):
        ModelSpec(preset={"type": "mlp", "unit": [4]})
