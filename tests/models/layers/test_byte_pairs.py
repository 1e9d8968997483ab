"""The byte-pair tokenizer, where the library that learns its pairs is installed."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.data.prepared import prepare, restore
from tfcli.data.spec import DataSpec
from tfcli.errors import DataError, ShapeError

pytest.importorskip("tokenizers")
TEXTS = np.array(["low lower lowest", "new newer newest", "wide wider widest", "low new wide"] * 3)


def learned(**fields) -> tf.keras.layers.Layer:
    layer = tf.keras.layers.BytePairTokenizer(vocabulary_size=300, **fields)
    layer.adapt(TEXTS)
    return layer


def test_every_text_has_tokens_and_comes_back():
    layer = learned()
    texts = ["low newest", "Ünheard öf 🙂", "a [PAD]", ""]
    ids = layer(texts)
    assert ids.shape[0] == 4
    assert layer.decode(ids) == texts
    assert ids.numpy()[3].tolist() == [0] * ids.shape[1]


def test_frequent_words_are_fewer_tokens_than_bytes():
    ids = learned()(["low"]).numpy()
    assert ids.shape == (1, 1)
    assert 257 <= ids[0, 0] < 300


def test_rows_are_cut_and_filled():
    assert learned(output_sequence_length=2)(["low lower lowest", "low"]).shape == (2, 2)


def test_case_can_be_ignored():
    layer = learned(lowercase=True)
    assert layer(["LOW"]).numpy().tolist() == layer(["low"]).numpy().tolist()


def test_the_same_texts_in_other_batches_give_the_same_tokens():
    layer = tf.keras.layers.BytePairTokenizer(vocabulary_size=300)
    layer.adapt(tf.data.Dataset.from_tensor_slices(TEXTS).batch(5))
    assert layer.state == learned().state


def test_a_stage_keeps_its_tokens(tmp_path):
    np.savez(tmp_path / "t.npz", x=TEXTS, y=np.arange(12))
    stage = {"type": "byte_pair_tokenizer", "vocabulary_size": 300, "output_sequence_length": 4}
    data = DataSpec(source={"type": "npz", "path": "t.npz", "label": "y"}, pipeline=[stage])
    prepared = prepare(data, tmp_path)
    prepared.save(tmp_path / "kept")
    expected = next(prepared.train.batches()).inputs["x"]
    assert expected.shape == (12, 4)
    again = next(restore(data, tmp_path, 0, tmp_path / "kept").train.batches()).inputs["x"]
    np.testing.assert_array_equal(again, expected)


def test_what_cannot_be_tokenized_is_refused():
    with pytest.raises(DataError, match="has no tokens yet"):
        tf.keras.layers.BytePairTokenizer()(["a"])
    with pytest.raises(ShapeError, match="expected one text an example"):
        learned()([["a", "b"]])
    with pytest.raises(DataError, match="no text to learn"):
        tf.keras.layers.BytePairTokenizer().adapt(np.array([], object))
