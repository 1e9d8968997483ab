"""text_windows and time_series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.data import DataSpec, prepare, restore
from tfcli.data.files import Blob
from tfcli.data.sources.text_windows import TextWindows
from tfcli.data.sources.time_series import TimeSeries
from tfcli.errors import DataError


def text_examples(text: str, train: str | None = None, **settings):
    source = TextWindows(path="t.txt", **settings)
    learned = source.learn(source.read_input(Blob("t.txt", content=(train or text).encode()), True))
    return source.examples(source.read_input(Blob("t.txt", content=text.encode()), True), learned), learned


def test_targets_are_the_inputs_moved_on_by_one_token():
    table, learned = text_examples("aabac", sequence_length=2)
    assert learned["vocabulary"] == ["[UNK]", "a", "c", "b"]
    assert table.columns["tokens"].tolist() == [[1, 1], [1, 3], [3, 1]]
    assert table.columns["next_tokens"].tolist() == [[1, 3], [3, 1], [1, 2]]
    assert table.columns["tokens"].dtype == np.int32


def test_what_the_training_text_does_not_have_is_token_0():
    table, _ = text_examples("axa", train="aa", sequence_length=2)
    assert table.columns["tokens"].tolist() == [[1, 0]]


def test_words_and_punctuation_are_tokens():
    _, learned = text_examples("It's so, so\nodd.", level="word", sequence_length=2)
    assert sorted(learned["vocabulary"][1:]) == [",", ".", "It's", "odd", "so"]
    assert learned["vocabulary"][1] == "so"


def test_a_vocabulary_keeps_to_its_limit():
    assert text_examples("aaabbc", sequence_length=2, max_tokens=3)[1]["vocabulary"] == ["[UNK]", "a", "b"]


def test_a_text_too_short_for_one_window_is_refused():
    with pytest.raises(DataError, match="has 3 tokens, too few for one window of 6"):
        text_examples("abc", sequence_length=5)


def test_no_window_of_text_crosses_a_cut(tmp_path):
    (tmp_path / "t.txt").write_text("a" * 80 + "b" * 20)
    source = {"type": "text_windows", "path": "t.txt", "sequence_length": 4, "stride": 3}
    prepared = prepare(DataSpec(source=source, split={"validation": 0.2}), tmp_path)
    assert prepared.class_names == {"next_tokens": ["[UNK]", "a"]}
    assert {int(t) for b in prepared.train.batches() for t in b.targets["next_tokens"].ravel()} == {1}
    assert {int(t) for b in prepared.validation.batches() for t in b.inputs["tokens"].ravel()} == {0}
    assert prepared.train.num_examples == len(range(0, 80 - 4, 3))


def test_bundled_text_can_be_read_by_path(tmp_path):
    source = {"type": "text_windows", "path": "bundled:text", "sequence_length": 8, "stride": 8}
    prepared = prepare(DataSpec(source=source), tmp_path)
    assert prepared.inputs["tokens"].shape == (8,)
    assert list(prepared.fingerprints) == ["bundled:text"]


def series(path, count: int = 12) -> None:
    path.write_text("t,v\n" + "".join(f"{i},{100 + i}\n" for i in range(count)))


def test_windows_over_a_series_are_keras_s(tmp_path):
    series(tmp_path / "s.csv")
    source = TimeSeries(
        path="s.csv", target="v", columns=["t"], sequence_length=3, sampling_rate=2, sequence_stride=2, horizon=1
    )
    table = source.examples(source.read(tmp_path), {})
    assert table.columns["window"].tolist() == [[[0], [2], [4]], [[2], [4], [6]], [[4], [6], [8]]]
    assert table.columns["v"].tolist() == [106, 108, 110]


@settings(deadline=None)
@given(
    length=st.integers(1, 4),
    rate=st.integers(1, 3),
    horizon=st.integers(1, 3),
    stride=st.integers(1, 3),
    count=st.integers(1, 30),
)
def test_each_target_is_horizon_sampled_rows_after_its_window(length, rate, horizon, stride, count):
    rows = "\n".join(map(str, range(count)))
    source = TimeSeries(
        path="s", target="v", sequence_length=length, sampling_rate=rate, horizon=horizon, sequence_stride=stride
    )
    table = source.read_input(Blob("s", content=f"v\n{rows}\n".encode()), True)
    try:
        examples = source.examples(table, {})
    except DataError:
        assert count <= (length - 1 + horizon) * rate
        return
    windows, targets = examples.columns["window"][..., 0], examples.columns["v"]
    assert (np.diff(windows, axis=1) == rate).all()
    assert (targets == windows[:, -1] + horizon * rate).all()
    assert targets[-1] > count - 1 - stride


def test_several_targets_are_a_vector(tmp_path):
    series(tmp_path / "s.csv")
    source = TimeSeries(path="s.csv", target=["t", "v"], sequence_length=2)
    table = source.examples(source.read(tmp_path), {})
    assert table.columns["target"][0].tolist() == [2, 102]


def test_a_split_cuts_by_time_and_no_window_crosses_it(tmp_path):
    series(tmp_path / "s.csv", 20)
    source = {"type": "time_series", "path": "s.csv", "target": "v", "sequence_length": 3}
    prepared = prepare(DataSpec(source=source, split={"validation": 5, "test": 5}), tmp_path)
    targets = {name: prepared.split(name).labels()["v"].tolist() for name in ("train", "validation", "test")}
    assert targets == {"train": list(range(103, 110)), "validation": [113, 114], "test": [118, 119]}


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("interpolate", [1, 2, 3, 3]),
        ("previous", [1, 1, 3, 3]),
        ("mean", [1, 2, 3, 2]),
        ("median", [1, 2, 3, 2]),
        (7.0, [1, 7, 3, 7]),
    ],
)
def test_missing_numbers_are_filled(missing, expected):
    source = TimeSeries(path="s", target="v", sequence_length=4, missing=missing)
    table = source.read_input(Blob("s", content=b"v,w\n1,\nNA,\n3,\nNA,\n"), False)
    assert source.examples(table, source.learn(table), False).columns["window"][0, :, 0].tolist() == expected


def test_a_missing_number_without_a_filling_is_refused_with_its_row():
    source = TimeSeries(path="s", target="v", sequence_length=2)
    table = source.read_input(Blob("s", content=b"v,w\n1,\nNA,\n3,\n"), False)
    with pytest.raises(DataError, match="s, row 3, column 'v': a number is missing"):
        source.examples(table, {}, False)


def test_predicting_uses_the_windows_whose_target_is_yet_to_come(tmp_path):
    series(tmp_path / "s.csv", 20)
    source = {"type": "time_series", "path": "s.csv", "target": "v", "sequence_length": 3}
    spec = DataSpec(source=source)
    prepare(spec, tmp_path).save(tmp_path / "kept")
    split = restore(spec, tmp_path, 0, tmp_path / "kept").predict_input(b"v\n7\n8\n9\n")
    (batch,) = split.batches()
    assert batch.inputs["window"].tolist() == [[[7], [8], [9]]]
    assert batch.targets == {}
