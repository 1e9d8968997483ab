import keras_cases as cases
import numpy as np
import pytest
from keras_reference import close, make, numbered, recorded, uncovered

from tfcli.declare import DeclarationError
from tfcli.engine.function import function
from tfcli.engine.ops.elementwise import maximum
from tfcli.engine.tensor import Variable, constant
from tfcli.errors import TfcliError, TrainingError
from tfcli.models.optimizers.adam import Adam, AdamW
from tfcli.models.optimizers.base import Optimizer
from tfcli.models.optimizers.descent import SGD

all_cases = pytest.mark.parametrize("case", **numbered(cases.OPTIMIZERS))


def new_variables():
    return [Variable(v, name=n) for v, n in zip(cases.WEIGHT_VALUES, ("kernel", "bias"), strict=True)]


def test_every_optimizer_is_compared_with_keras():
    assert uncovered(Optimizer, cases.OPTIMIZERS) == set()


@all_cases
def test_steps_lead_where_keras_gets(case):
    i, (name, settings) = case
    optimizer, variables = make(Optimizer, name, settings), new_variables()
    for gradients in cases.GRADIENTS:
        optimizer.apply([constant(g) for g in gradients], variables)
    for variable in variables:
        close(variable, recorded()[f"optimizer/{i}/{variable.name}"], rtol=1e-4, atol=1e-5)


@all_cases
def test_traced_steps_lead_to_the_same(case):
    i, (name, settings) = case
    optimizer, variables = make(Optimizer, name, settings), new_variables()
    optimizer.build(variables)
    step = function(lambda *gradients: optimizer.apply(list(gradients)))
    for gradients in cases.GRADIENTS:
        step(*map(constant, gradients))
    for variable in variables:
        close(variable, recorded()[f"optimizer/{i}/{variable.name}"], rtol=1e-4, atol=1e-5)


@all_cases
def test_a_copy_of_the_variables_goes_on_alike(case):
    _, (name, settings) = case
    runs = []
    for restored in (False, True):
        optimizer, variables = make(Optimizer, name, settings), new_variables()
        optimizer.build(variables)
        for i, gradients in enumerate(cases.GRADIENTS):
            if restored and i == 2:
                saved = {n: v.numpy() for n, v in optimizer.variables.items()}
                values = [v.numpy() for v in variables]
                optimizer, variables = (
                    make(Optimizer, name, settings),
                    [Variable(v, name=w.name) for v, w in zip(values, variables, strict=True)],
                )
                optimizer.build(variables)
                assert optimizer.variables.keys() == saved.keys()
                for n, v in optimizer.variables.items():
                    v.assign(saved[n])
            optimizer.apply([constant(g) for g in gradients], variables)
        runs.append([v.numpy() for v in variables])
    for once, again in zip(*runs, strict=True):
        assert np.array_equal(once, again)


def test_slots_are_named_after_their_variables():
    optimizer = Adam()
    optimizer.build(new_variables())
    assert list(optimizer.variables) == [
        "adam/iterations",
        "adam/learning_rate",
        "adam/momentum/kernel",
        "adam/velocity/kernel",
        "adam/momentum/bias",
        "adam/velocity/bias",
    ]


def test_two_variables_of_one_name_get_slots_of_their_own():
    optimizer = SGD(momentum=0.9)
    optimizer.build([Variable(1.0), Variable(2.0)])
    assert [n for n in optimizer.variables if "momentum" in n] == ["sgd/momentum/Variable", "sgd/momentum/Variable_1"]


def test_arguments_come_in_keras_s_order():
    optimizer = AdamW(0.1, 0.2, 0.8)
    assert (optimizer.learning_rate, optimizer.weight_decay, optimizer.beta_1) == (0.1, 0.2, 0.8)


def test_the_learning_rate_can_be_set_while_training():
    optimizer, variable = SGD(learning_rate=1.0), Variable(0.0)
    step = function(lambda g: optimizer.apply([g]))
    optimizer.build([variable])
    step(constant(1.0))
    optimizer.learning_rate = 0.5
    step(constant(1.0))
    assert (float(variable), optimizer.learning_rate) == (-1.5, 0.5)


def test_a_scheduled_learning_rate_cannot_be_set():
    optimizer = make(
        Optimizer, "sgd", {"learning_rate": {"type": "cosine_decay", "initial_learning_rate": 0.1, "decay_steps": 5}}
    )
    optimizer.build([Variable(0.0)])
    with pytest.raises(TfcliError, match="schedule"):
        optimizer.learning_rate = 0.1


def test_a_constraint_holds_after_each_step():
    variable = Variable(np.float32([0.5, 2.0]), constraint=lambda w: maximum(w, 0.0))
    SGD(learning_rate=1.0).apply([constant([1.0, 1.0])], [variable])
    assert variable.numpy().tolist() == [0.0, 1.0]


def test_averages_become_the_variables_at_the_end():
    optimizer, variable = SGD(learning_rate=1.0, use_ema=True, ema_momentum=0.5), Variable(0.0)
    for _ in range(2):
        optimizer.apply([constant(1.0)], [variable])
    optimizer.finalize_variable_values()
    assert float(variable) == -1.5


def test_a_variable_without_gradient_stays():
    first, second = Variable(1.0), Variable(1.0)
    SGD(learning_rate=1.0).apply_gradients([(None, first), (constant(0.25), second)])
    assert (float(first), float(second)) == (1.0, 0.75)


def test_no_gradient_at_all_is_an_error():
    with pytest.raises(TrainingError, match="no variable has a gradient"):
        SGD().apply([None], [Variable(1.0)])


def test_clipping_in_two_ways_is_an_error():
    with pytest.raises(DeclarationError, match="clipnorm"):
        make(Optimizer, "sgd", {"clipnorm": 1.0, "clipvalue": 1.0})


def test_the_loss_scale_cancels_out():
    optimizer = SGD(loss_scale_factor=4.0)
    assert float(optimizer.scale_loss(constant(2.0))) == 8.0
