"""Activations, initializers, regularizers, constraints and schedules."""

import keras_cases as cases
import numpy as np
import pytest
from keras_reference import close, make, numbered, recorded, uncovered

from tfcli.declare import DeclarationError
from tfcli.engine.function import function
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.tensor import constant
from tfcli.errors import ShapeError
from tfcli.models.activations import Activation
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer, compute_fans
from tfcli.models.regularizers import Regularizer
from tfcli.models.schedules import Schedule

KINDS = {
    Activation: (cases.ACTIVATIONS, cases.POINTS),
    Regularizer: (cases.REGULARIZERS, cases.MATRIX),
    Constraint: (cases.CONSTRAINTS, cases.MATRIX),
}
functions = pytest.mark.parametrize(
    ("kind", "i", "case", "x"),
    [
        pytest.param(kind, i, case, x, id=f"{kind.registry.kind}-{case[0]}-{i}")
        for kind, (table, x) in KINDS.items()
        for i, case in enumerate(table)
    ],
)


def generator(seed=0):
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("kind", [*KINDS, Schedule], ids=lambda kind: kind.registry.kind)
def test_every_class_is_compared_with_keras(kind):
    table = cases.SCHEDULES if kind is Schedule else KINDS[kind][0]
    assert uncovered(kind, table) == set()


@functions
def test_values_are_keras_s(kind, i, case, x):
    close(make(kind, *case)(constant(x)), recorded()[f"{kind.registry.kind}/{i}"])


@functions
def test_gradients_are_right(kind, i, case, x):
    away_from_corners = np.asarray(x, np.float64) * 0.973 + 0.0131
    check_gradients(make(kind, *case), [away_from_corners], order=1)


@pytest.mark.parametrize("case", **numbered(cases.SCHEDULES))
def test_schedules_are_keras_s(case):
    i, (name, settings) = case
    schedule = make(Schedule, name, settings)
    close([float(schedule(constant(int(s)))) for s in cases.STEPS], recorded()[f"schedule/{i}"], atol=1e-7)


@pytest.mark.parametrize("case", **numbered(cases.SCHEDULES))
def test_traced_schedules_follow_the_step(case):
    i, (name, settings) = case
    schedule = function(make(Schedule, name, settings).__call__)
    close([float(schedule(constant(np.int64(s)))) for s in cases.STEPS], recorded()[f"schedule/{i}"], atol=1e-7)


def test_boundaries_and_values_must_fit():
    with pytest.raises(DeclarationError, match="one value more"):
        make(Schedule, "piecewise_constant_decay", {"boundaries": [1, 2], "values": [0.1, 0.2]})


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("random_normal", 0.05),
        ("truncated_normal", 0.05 * 0.8796),
        ("random_uniform", 0.1 / 12**0.5),
        ("variance_scaling", (1 / 200) ** 0.5),
        ("glorot_uniform", (2 / 300) ** 0.5),
        ("glorot_normal", (2 / 300) ** 0.5),
        ("lecun_uniform", (1 / 200) ** 0.5),
        ("lecun_normal", (1 / 200) ** 0.5),
        ("he_uniform", (2 / 200) ** 0.5),
        ("he_normal", (2 / 200) ** 0.5),
        ("orthogonal", (1 / 200) ** 0.5),
        ("zeros", 0.0),
        ("ones", 0.0),
        ("constant", 0.0),
        ("identity", 0.0705),
    ],
)
def test_initial_weights_have_keras_s_spread(name, std):
    values = make(Initializer, name, {}).values((200, 100), "float32", generator())
    assert (values.shape, values.dtype) == ((200, 100), np.float32)
    assert np.std(values, dtype=np.float64) == pytest.approx(std, rel=0.03, abs=1e-9)


def test_every_initializer_has_a_known_spread():
    marks = test_initial_weights_have_keras_s_spread.pytestmark
    spreads = {name for name, _ in marks[0].args[1]}
    assert {cls.type_name for cls in Initializer.registry} == spreads | {"stft"}  # which is no matrix, and below


@pytest.mark.parametrize(("side", "part"), [("real", np.real), ("imag", np.imag)])
def test_a_convolution_that_begins_with_stft_gives_spectra(side, part):
    frame = np.sin(np.arange(8.0)) + 0.3
    window = np.hanning(9)[:8]
    kernel = make(Initializer, "stft", {"side": side, "periodic": True}).values((8, 1, 5), "float64", generator())
    expected = part(np.fft.rfft(frame * window)) / np.linalg.norm(window)
    np.testing.assert_allclose(frame @ kernel[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 5), (8, 2, 5), (7, 1, 5)])
def test_stft_refuses_kernels_that_are_no_frames(shape):
    with pytest.raises(ShapeError, match="stft"):
        make(Initializer, "stft", {"window": [1.0] * 8}).values(shape, "float32", generator())


@pytest.mark.parametrize(
    ("name", "largest"), [("truncated_normal", 0.1), ("random_uniform", 0.05), ("he_uniform", (6 / 200) ** 0.5)]
)
def test_bounded_initializers_keep_their_bounds(name, largest):
    values = make(Initializer, name, {}).values((200, 100), "float32", generator())
    assert 0.98 * largest < np.abs(values).max() <= np.float32(largest)


@pytest.mark.parametrize(("shape", "fans"), [((), (1, 1)), ((7,), (7, 7)), ((7, 5), (7, 5)), ((3, 3, 7, 5), (63, 45))])
def test_fans_are_keras_s(shape, fans):
    assert compute_fans(shape) == fans


def test_fans_of_named_axes():
    assert compute_fans((4, 5, 6), [0], [1, 2]) == (4, 30)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 3, 4)])
def test_orthogonal_weights_are_orthogonal(shape):
    matrix = make(Initializer, "orthogonal", {"gain": 2.0}).values(shape, "float64", generator()).reshape(-1, shape[-1])
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, 4.0 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_weights_need_two_axes():
    with pytest.raises(ShapeError, match="two axes"):
        make(Initializer, "orthogonal", {}).values((3,), "float32", generator())


def test_a_seed_of_its_own_makes_an_initializer_independent_of_the_stream():
    seeded = make(Initializer, "glorot_uniform", {"seed": 3})
    first, second = (seeded.values((4, 4), "float32", generator(s)) for s in (1, 2))
    assert np.array_equal(first, second)


def test_without_a_seed_the_stream_decides():
    first, second = (make(Initializer, "glorot_uniform", {}).values((4, 4), "float32", generator(s)) for s in (1, 2))
    assert not np.array_equal(first, second)


def test_a_constant_broadcasts():
    values = make(Initializer, "constant", {"value": [1.0, 2.0]}).values((3, 2), "float32", generator())
    assert values.tolist() == [[1.0, 2.0]] * 3


def test_a_constant_that_does_not_fit_says_so():
    with pytest.raises(ShapeError, match="broadcast"):
        make(Initializer, "constant", {"value": [1.0, 2.0]}).values((3, 3), "float32", generator())


def test_python_functions_serve_as_activation_and_initializer():
    assert float(Activation.from_value(lambda x: x + 1.0)(constant(1.0))) == 2.0
    made = Initializer.from_value(lambda shape, dtype: np.full(shape, 7)).values((2,), "float32", generator())
    assert made.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    ("alias", "type_name"),
    [("swish", "silu"), ("hard_swish", "hard_silu"), ("ReLU", "relu"), ("LeakyReLU", "leaky_relu")],
)
def test_activations_have_keras_s_other_names(alias, type_name):
    assert make(Activation, alias, {}).type_name == type_name
