import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcli.engine.kernels.memory import ALIGNMENT, Lifetime, address_of, layout

lifetimes = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 20), st.integers(0, 20)).map(
        lambda t: Lifetime(t[0], min(t[1:]), max(t[1:]))
    ),
    max_size=40,
)


@given(lifetimes)
def test_values_that_live_at_one_time_do_not_overlap(values):
    offsets, total = layout(values)
    for i, (a, start) in enumerate(zip(values, offsets, strict=True)):
        assert start % ALIGNMENT == 0
        assert start + a.size <= total
        for b, other in list(zip(values, offsets, strict=True))[:i]:
            if a.first <= b.last and b.first <= a.last:
                assert start + a.size <= other or other + b.size <= start


def test_values_that_follow_each_other_share_memory():
    assert layout([Lifetime(100, 0, 1), Lifetime(100, 2, 3), Lifetime(50, 4, 5)]) == ([0, 0, 0], 128)


@pytest.mark.parametrize("array", [np.zeros((3, 2), "f4"), np.zeros((), "f8"), np.zeros(5, bool)])
@pytest.mark.parametrize("writeable", [True, False])
def test_an_address_is_that_of_the_first_number(array, writeable):
    view = array.view()
    view.flags.writeable = writeable
    assert address_of(view) == array.__array_interface__["data"][0]
