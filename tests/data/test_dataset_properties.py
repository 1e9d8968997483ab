"""Chains of random stages give what a few lines of plain Python give, and stopping anywhere changes nothing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.data.dataset import Dataset
from tfcli.data.dataset.dataset import AUTOTUNE

SMALL = st.integers(1, 7)


def windows(items: list, size: int, shift: int) -> list:
    return [items[i : i + size] for i in range(0, len(items), shift)]


def interleaved(items: list, cycle: int, block: int) -> list:
    waiting, slots, out = list(items), [None] * cycle, []
    while waiting or any(slot is not None for slot in slots):
        for place in range(cycle):
            if slots[place] is None and waiting:
                n = waiting.pop(0)
                slots[place] = [n * 100 + k for k in range(abs(n) % 4)]
            if slots[place] is not None:
                out += slots[place][:block]
                slots[place] = slots[place][block:] if len(slots[place]) >= block else None
    return out


def bounded_repeat(items: list, count: int) -> list:
    return items * count


STAGES = {
    "take": (SMALL, lambda d, n: d.take(n), lambda x, n: x[:n]),
    "skip": (SMALL, lambda d, n: d.skip(n), lambda x, n: x[n:]),
    "shard": (SMALL, lambda d, n: d.shard(n, n - 1), lambda x, n: x[n - 1 :: n]),
    "repeat": (st.integers(0, 3), lambda d, n: d.repeat(n), bounded_repeat),
    "map": (
        st.sampled_from([None, 1, 3, AUTOTUNE]),
        lambda d, n: d.map(lambda x: x * 3 + 1, num_parallel_calls=n),
        lambda x, n: [v * 3 + 1 for v in x],
    ),
    "python_map": (
        SMALL,
        lambda d, n: d.map(lambda x: x if int(x) % n else -x, num_parallel_calls=2),
        lambda x, n: [v if v % n else -v for v in x],
    ),
    "filter": (SMALL, lambda d, n: d.filter(lambda x: x % n == 0), lambda x, n: [v for v in x if v % n == 0]),
    "rebatched": (SMALL, lambda d, n: d.batch(n).unbatch(), lambda x, n: x),
    "dropped": (
        SMALL,
        lambda d, n: d.batch(n, drop_remainder=True).unbatch(),
        lambda x, n: x[: len(x) - len(x) % n],
    ),
    "window": (
        st.tuples(SMALL, SMALL),
        lambda d, n: d.window(n[0], shift=n[1]).flat_map(lambda w: w),
        lambda x, n: list(itertools.chain(*windows(x, *n))),
    ),
    "concatenate": (SMALL, lambda d, n: d.concatenate(Dataset.range(n)), lambda x, n: x + list(range(n))),
    "take_while": (
        SMALL,
        lambda d, n: d.take_while(lambda x: x < n * 5),
        lambda x, n: list(itertools.takewhile(lambda v: v < n * 5, x)),
    ),
    "interleave": (
        st.tuples(SMALL, SMALL),
        lambda d, n: d.interleave(lambda x: Dataset.range(abs(int(x)) % 4).map(lambda k: k + x * 100), n[0], n[1]),
        lambda x, n: interleaved(x, *n),
    ),
    "scan": (
        SMALL,
        lambda d, n: d.scan(np.int64(n), lambda s, x: (s + x, s + x)),
        lambda x, n: list(itertools.accumulate(x, initial=n))[1:],
    ),
    "enumerate": (
        SMALL,
        lambda d, n: d.enumerate(n).map(lambda i, x: i * 1000 + x),
        lambda x, n: [i * 1000 + v for i, v in enumerate(x, n)],
    ),
    "cache": (SMALL, lambda d, n: d.cache(), lambda x, n: x),
    "prefetch": (SMALL, lambda d, n: d.prefetch(n), lambda x, n: x),
    "padded": (SMALL, lambda d, n: d.padded_batch(n).unbatch(), lambda x, n: x),
}
SHUFFLES = {
    "shuffle": (
        st.tuples(SMALL, SMALL),
        lambda d, n: d.shuffle(n[0], seed=n[1]),
        None,
    ),
    "shuffle_repeat": (
        st.tuples(SMALL, SMALL),
        lambda d, n: d.shuffle(n[0] * 3, seed=n[1]).repeat(2),
        None,
    ),
    "sampled": (
        st.tuples(SMALL, SMALL),
        lambda d, n: Dataset.sample_from_datasets([d, Dataset.range(n[0])], seed=n[1], rerandomize_each_iteration=True),
        None,
    ),
    "resampled": (
        st.tuples(SMALL, SMALL),
        lambda d, n: d.rejection_resample(lambda x: x % 2, [0.5, 0.5], seed=n[1]).map(lambda label, x: x),
        None,
    ),
}


def chain_of(stages: dict, longest: int = 4):
    one = st.sampled_from(sorted(stages)).flatmap(lambda name: st.tuples(st.just(name), stages[name][0]))
    return st.lists(one, max_size=longest)


def built(source: Dataset, chain: list, stages: dict) -> Dataset:
    for name, setting in chain:
        source = stages[name][1](source, setting)
    return source


def values(dataset) -> list:
    return [int(x) for x in itertools.islice(iter(dataset), 300)]


@pytest.mark.parametrize("make", [Dataset.range, lambda n: Dataset.from_tensor_slices(np.arange(n))])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(count=st.integers(1, 20), chain=chain_of(STAGES))
def test_a_chain_gives_what_plain_python_gives(make, count, chain):
    expected = list(range(count))
    dataset = make(count)
    for name, setting in chain:
        if len(expected) > 200 or not expected:
            break
        dataset = STAGES[name][1](dataset, setting)
        expected = STAGES[name][2](expected, setting)
    assert values(dataset) == expected[:300]
    known = int(dataset.cardinality())
    assert known < 0 or known == len(expected)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(chain=chain_of(STAGES | SHUFFLES), stop=st.integers(0, 30), earlier=st.integers(0, 2), rows=st.booleans())
def test_going_on_from_a_state_is_going_on(chain, stop, earlier, rows):
    def make() -> Dataset:
        source = Dataset.from_tensor_slices(np.arange(1, 12)) if rows else Dataset.range(1, 12)
        return built(source, chain, STAGES | SHUFFLES)

    dataset = make()
    for _ in range(earlier):  # so that shuffles are at another pass than the first
        values(dataset)
    iterator = iter(dataset)
    for _ in itertools.islice(iterator, stop):
        pass
    state = iterator.get_state()
    rest = values(iterator)
    again = iter(make())
    again.set_state(state)
    assert values(again) == rest
    assert again.get_state() == iterator.get_state()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(count=st.integers(0, 60), buffer=st.integers(1, 70), seed=st.integers(0, 9), size=st.integers(1, 9))
def test_rows_are_shuffled_as_elements_are(count, buffer, seed, size):
    rows = Dataset.from_tensor_slices(np.arange(count)).shuffle(buffer, seed=seed).batch(size)
    elements = Dataset.range(count).shuffle(buffer, seed=seed).batch(size)
    assert [b.tolist() for b in rows.as_numpy_iterator()] == [b.tolist() for b in elements.as_numpy_iterator()]


def test_an_error_comes_where_its_element_would_and_can_be_left_out():
    dataset = Dataset.from_tensor_slices(["1", "x", "3"]).map(lambda t: int(t.numpy()))
    with pytest.raises(ValueError, match="invalid literal"):
        list(dataset)
