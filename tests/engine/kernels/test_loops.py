"""Plain loops as machine code: the functions do the same in Python and compiled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.engine.kernels import jit
from tfcli.engine.kernels.loops import Bytes, Words, compiled_loops

LIMIT = 3


def two(a, b):
    return a + b, a - b


def arithmetic(a, b):
    shifted = (a << 3) ^ (b >> 1)
    total, gap = two(a, b)
    return (total * gap & 0xFFFF) | (shifted % 7 if shifted > 0 else shifted), abs(gap)


def chosen(a, b):
    if a < b and not (b == 7 or b == -7):
        return 1
    elif a == b or 0 <= a < LIMIT:
        return 2 if a > 1 else 3
    else:
        return -1


def walked(data: Bytes, stop):
    total = 0
    place = 0
    while True:
        if place >= len(data) or data[place] == stop:
            break
        place += 1
        if data[place - 1] % 2:
            continue
        total += int(data[place - 1])
    return total, place


def counted(words: Words, step):
    total = 0
    for i in range(0, len(words), step):
        for k in range(i):
            if k > LIMIT:
                break
            total += words[i] * (k + 1)
    return total


def doubled(words: Words, data: Bytes):
    for i in range(len(words)):
        words[i] += words[i]
        data[i] = words[i] & 255


FUNCTIONS = (two, arithmetic, chosen, walked, counted, doubled)


@pytest.fixture(scope="module")
def run():
    return compiled_loops(FUNCTIONS)


NUMBERS = st.integers(-1000, 1000)


@given(a=NUMBERS, b=NUMBERS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_numbers_come_out_as_in_python(run, a, b):
    assert run.two(a, b) == two(a, b)
    assert run.chosen(a, b) == chosen(a, b)
    assert run.arithmetic(a, b) == arithmetic(a, b)


@given(data=st.binary(max_size=9), stop=st.integers(0, 255))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_loops_end_where_those_of_python_do(run, data, stop):
    assert run.walked(data, stop) == walked(data, stop)


@given(words=st.lists(NUMBERS, max_size=8), step=st.integers(1, 4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_arrays_are_read_and_written(run, words, step):
    assert run.counted(np.array(words, np.int64), step) == counted(words, step)
    array, data = np.array(words, np.int64), np.zeros(len(words), np.uint8)
    assert run.doubled(array, data) is None
    np.testing.assert_array_equal(array, 2 * np.array(words, np.int64))
    np.testing.assert_array_equal(data, array & 255)


def test_an_array_of_another_dtype_is_a_mistake_of_ours(run):
    with pytest.raises(AssertionError, match="float64 for Words"):
        run.counted(np.zeros(3), 1)


def test_a_definition_may_be_given_instead():
    own = "define internal i64 @chosen(i64 %a, i64 %b) {\n  ret i64 42\n}"
    assert compiled_loops((chosen,), {"chosen": own}).chosen(0, 0) == 42


def test_code_is_generated_here():
    assert jit.available()
