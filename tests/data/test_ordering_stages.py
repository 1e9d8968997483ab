"""shuffle, take, skip, repeat, batch, cache and prefetch."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.data import pipeline
from tfcli.data.pipeline import Pipeline, Split
from tfcli.data.random import generator
from tfcli.data.spec import DataSpec
from tfcli.data.stage import Batch, Context
from tfcli.data.stages.order import buffered_shuffle
from tfcli.data.threads import prefetched
from tfcli.errors import DataError, SpecError

SOURCE = {"type": "npz", "path": "unused.npz"}


def split_of(count: int, *stages, seed: int = 0) -> Split:
    spec = DataSpec(source=SOURCE, pipeline=list(stages))
    examples = Batch({"x": np.arange(count, dtype=np.float32)}, {"y": np.arange(count)})
    return Split(examples, Pipeline(spec.pipeline, Context("", Path(), seed), {}))


def values(split: Split, epoch: int = 0, start: int = 0, training: bool = True) -> list[list[float]]:
    return [batch.inputs["x"].tolist() for batch in split.batches(epoch, start, training)]


def flat(batches: list[list[float]]) -> list[float]:
    return [value for batch in batches for value in batch]


def shuffle(buffer_size: int, **settings) -> dict:
    return {"type": "shuffle", "buffer_size": buffer_size, **settings}


def batch(size: int, **settings) -> dict:
    return {"type": "batch", "batch_size": size, **settings}


@settings(deadline=None)
@given(count=st.integers(0, 60), buffer_size=st.integers(1, 80), seed=st.integers(0, 3))
def test_a_shuffle_buffer_gives_a_permutation_and_never_looks_further_ahead(count, buffer_size, seed):
    order = buffered_shuffle(count, buffer_size, generator(seed, "test"))
    assert sorted(order.tolist()) == list(range(count))
    assert all(value < place + buffer_size for place, value in enumerate(order.tolist()))


@settings(deadline=None)
@given(
    count=st.integers(1, 40),
    buffer_size=st.integers(1, 50),
    size=st.integers(1, 9),
    start=st.integers(0, 45),
    epoch=st.integers(0, 3),
    prefetch=st.booleans(),
)
def test_starting_at_a_batch_is_dropping_those_before_it(count, buffer_size, size, start, epoch, prefetch):
    split = split_of(count, shuffle(buffer_size), batch(size), *(["prefetch"] if prefetch else []))
    assert values(split, epoch, start) == values(split, epoch)[start:]


def test_each_epoch_and_seed_has_its_own_order_and_the_same_one_again():
    split = split_of(50, shuffle(50), batch(50))
    assert values(split, 1) == values(split, 1) != values(split, 2)
    assert values(split, 1) != values(split_of(50, shuffle(50), batch(50), seed=1), 1)
    fixed = split_of(50, shuffle(50, reshuffle_each_iteration=False), batch(50))
    assert values(fixed, 1) == values(fixed, 2)


def test_a_shuffle_s_own_seed_overrides_the_spec_s():
    first, second = (values(split_of(50, shuffle(50, seed=7), batch(50), seed=seed)) for seed in (0, 1))
    assert first == second


def test_only_training_is_shuffled_and_repeated():
    split = split_of(6, shuffle(6), {"type": "repeat", "count": 2}, batch(3))
    assert values(split, training=False) == [[0, 1, 2], [3, 4, 5]]
    assert sorted(flat(values(split))) == sorted([*range(6)] * 2)
    assert (split.num_batches, split.steps_per_epoch()) == (2, 4)


def test_take_and_skip_count_examples_before_batch_and_batches_after_it():
    assert values(split_of(9, {"type": "take", "count": 4}, batch(3))) == [[0, 1, 2], [3]]
    assert values(split_of(9, batch(3), {"type": "take", "count": 1})) == [[0, 1, 2]]
    assert values(split_of(9, {"type": "skip", "count": 7}, batch(3))) == [[7, 8]]


def test_the_last_partial_batch_is_used_unless_dropped():
    assert values(split_of(5, batch(2))) == [[0, 1], [2, 3], [4]]
    dropping = split_of(5, batch(2, drop_remainder=True))
    assert values(dropping) == [[0, 1], [2, 3]]
    assert (dropping.num_examples, dropping.num_batches) == (4, 2)
    assert dropping.labels()["y"].tolist() == [0, 1, 2, 3]


def test_without_batch_there_are_batches_of_32():
    assert [len(part) for part in values(split_of(40))] == [32, 8]


def test_a_shuffle_before_cache_gives_one_order_for_all_epochs():
    split = split_of(20, shuffle(20), "cache", batch(20))
    assert values(split, 0) == values(split, 5) != [list(range(20))]
    assert values(split, training=False) == [list(range(20))]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ragged_batch", "`padded_batch` fills up"), ("zip", "`generator`"), ("batc", "`batch`")],
)
def test_a_stage_of_tf_data_that_a_spec_lacks_is_answered_with_what_to_do(name, hint):
    with pytest.raises(SpecError, match=hint):
        DataSpec(source=SOURCE, pipeline=[{"type": name}])


def cached_in(folder: Path, count: int = 10, scale: float = 2.0, *after) -> Split:
    stages = [{"type": "rescaling", "scale": scale}, {"type": "cache", "filename": "kept/c"}, *after]
    spec = DataSpec(source=SOURCE, pipeline=stages)
    texts = np.array([f"t{i}" for i in range(count)], object)
    examples = Batch({"x": np.arange(count, dtype=np.float32)}, {"y": texts}, np.ones(count, np.float32))
    return Split(examples, Pipeline(spec.pipeline, Context("", folder, 0), {}))


def test_a_cache_with_a_file_is_read_by_the_next_run(tmp_path, monkeypatch):
    first = list(cached_in(tmp_path).batches(training=True))
    assert len(list((tmp_path / "kept").glob("c-*.npz"))) == 1
    monkeypatch.setattr(pipeline, "_joined", lambda *arguments: pytest.fail("was computed anew"))
    again = list(cached_in(tmp_path, 10, 2.0, shuffle(10), batch(4)).batches(training=True))
    assert sorted(flat([b.inputs["x"] for b in again])) == sorted(flat([b.inputs["x"] for b in first]))
    assert sorted(flat([b.targets["y"] for b in again])) == sorted(flat([b.targets["y"] for b in first]))
    assert again[0].weights.tolist() == [1.0] * 4


def test_other_examples_or_stages_have_another_cache_file(tmp_path):
    for count, scale in ((10, 2.0), (11, 2.0), (10, 3.0)):
        list(cached_in(tmp_path, count, scale).batches(training=True))
    assert len(list((tmp_path / "kept").iterdir())) == 3


def test_a_damaged_cache_file_is_named(tmp_path):
    list(cached_in(tmp_path).batches(training=True))
    (path,) = (tmp_path / "kept").iterdir()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"kept/c-.*not a readable \.npz"):
        list(cached_in(tmp_path).batches(training=True))


@pytest.mark.parametrize("before", [[], [batch(4)]])
def test_cache_keeps_what_the_stages_before_it_make(before):
    rescaling = {"type": "rescaling", "scale": 2.0}
    after = [] if before else [batch(4)]
    cached = split_of(10, rescaling, *before, "cache", shuffle(10), *after)
    plain = split_of(10, rescaling, *before, shuffle(10), *after)
    assert sorted(flat(values(cached, 3))) == sorted(flat(values(plain, 3)))
    assert values(cached, training=False) == values(plain, training=False)


def test_a_pipeline_that_leaves_no_batch_is_refused():
    with pytest.raises(DataError, match="leaves no batch of the 3 examples"):
        split_of(3, batch(4, drop_remainder=True))


def test_prefetch_raises_the_errors_of_what_it_runs():
    def stream():
        yield 1
        raise DataError("broken")

    items = prefetched(stream(), 2)
    assert next(items) == 1
    with pytest.raises(DataError, match="broken"):
        next(items)


def test_an_abandoned_prefetch_leaves_no_thread():
    items = prefetched(iter(range(1000)), 2)
    assert next(items) == 0
    items.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "tfcli-prefetch"]
