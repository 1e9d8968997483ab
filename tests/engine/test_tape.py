"""GradientTape: what it remembers, how often it answers, and gradients of gradients."""

import numpy as np
import pytest

from tfcli.engine.function import function
from tfcli.engine.ops.elementary import sin
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Variable, constant
from tfcli.errors import DtypeError, ShapeError, TfcliError


def watched(value):
    x, tape = constant(np.float64(value)), GradientTape()
    tape.watch(x)
    return x, tape


def test_a_product_counts_both_factors():
    x, tape = watched(3.0)
    with tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6.0


def test_gradients_have_the_structure_of_the_sources():
    x, y = constant(2.0), constant(3.0)
    with GradientTape() as tape:
        tape.watch([x, y])
        z = x * y
    found = tape.gradient(z, {"a": x, "b": (y,)})
    assert (float(found["a"]), float(found["b"][0])) == (3.0, 2.0)


def test_several_targets_are_summed():
    x, tape = watched(2.0)
    with tape:
        targets = [x * 2.0, x * 3.0]
    assert float(tape.gradient(targets, x)) == 5.0


def test_output_gradients_weigh_the_targets():
    x = constant([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x, output_gradients=[1.0, 10.0] * constant([1.0, 1.0])).array.tolist() == [2.0, 40.0]
    with pytest.raises(ShapeError, match=r"an output gradient of shape \(3,\) for a target of \(2,\)"):
        tape.gradient(y, x, output_gradients=constant([1.0, 2.0, 3.0]))
    with pytest.raises(DtypeError, match="expected a float32 tensor"):
        tape.gradient(y, x, output_gradients=constant(np.ones(2)))


def test_a_tape_answers_once():
    x, tape = watched(1.0)
    with tape:
        y = x * 2.0
    tape.gradient(y, x)
    with pytest.raises(TfcliError, match="persistent=True"):
        tape.gradient(y, x)


def test_a_persistent_tape_answers_again():
    x = constant(3.0)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    assert [float(tape.gradient(z, x)), float(tape.gradient(y, x)), float(tape.gradient(z, y))] == [108.0, 6.0, 18.0]


def test_a_tape_inside_a_tape_gives_second_derivatives():
    x = constant(np.float64(0.7))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = sin(x)
        first = inner.gradient(y, x)
    assert float(outer.gradient(first, x)) == pytest.approx(-np.sin(0.7))


def test_what_is_not_watched_has_no_gradient():
    x = constant(1.0)
    with GradientTape() as tape:
        y = x * 2.0
    assert tape.gradient(y, x) is None


def test_unconnected_gradients_may_be_zeros():
    x, z = constant(1.0), constant([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        tape.watch([x, z])
        y = x * 2.0
    assert tape.gradient(y, [x, z])[1] is None
    assert tape.gradient(y, [x, z], unconnected_gradients="zero")[1].array.tolist() == [0.0, 0.0]
    with pytest.raises(TfcliError, match="must be 'none' or 'zero', got 'nil'"):
        tape.gradient(y, x, unconnected_gradients="nil")


def test_integers_have_no_gradient(caplog):
    x = constant(3)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x) is None
    assert "has no gradient" in caplog.text


def test_stop_recording_forgets():
    x, tape = watched(3.0)
    with tape:
        y = x * x
        with tape.stop_recording():
            z = x * y
        total = y + z
    assert float(tape.gradient(total, x)) == 6.0


def test_reset_forgets_everything():
    x, tape = watched(3.0)
    with tape:
        y = x * x
        tape.reset()
    assert tape.gradient(y, x) is None


def test_what_comes_after_the_tape_is_not_recorded():
    x, tape = watched(3.0)
    with tape:
        y = x * x
    z = y * y
    assert tape.gradient(z, x) is None


def test_trainable_variables_are_watched():
    v, frozen = Variable([1.0, 2.0], name="v"), Variable(3.0, trainable=False)
    with GradientTape() as tape:
        y = reduce_sum(v * v * frozen)
    assert tape.watched_variables() == (v,)
    found = tape.gradient(y, [v, frozen])
    assert (found[0].array.tolist(), found[1]) == ([6.0, 12.0], None)


def test_variables_need_watching_where_access_is_not_watched():
    v, w = Variable(2.0), Variable(3.0)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(w)
        y = v * w
    found = tape.gradient(y, [v, w])
    assert (found[0], float(found[1])) == (None, 2.0)


def test_a_variable_read_twice_sums_its_gradients():
    v = Variable(2.0)
    with GradientTape() as tape:
        y = v * 3.0
        v.assign(5.0)
        y = y + v * v
    assert float(tape.gradient(y, v)) == 13.0


def test_a_source_on_the_way_keeps_its_gradient():
    x = constant(2.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x
        z = y * 3.0
    dy, dx = tape.gradient(z, [y, x])
    assert (float(dy), float(dx)) == (3.0, 12.0)


def test_gradients_in_a_graph_and_through_it():
    v = Variable(2.0)

    @function
    def cube(x):
        return x * x * v

    @function
    def slope(x):
        with GradientTape() as tape:
            tape.watch(x)
            y = cube(x)
        return tape.gradient(y, x)

    x = constant(3.0)
    assert float(slope(x)) == 12.0
    with GradientTape() as tape:
        tape.watch(x)
        y = cube(x)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [12.0, 9.0]
