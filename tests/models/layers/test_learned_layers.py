"""Layers that learn before training: by `adapt`, from what they are given, and in models. Numbers are Keras's."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.declare import FieldError
from tfcli.errors import DataError, DtypeError, ShapeError, SpecError
from tfcli.models.layers.learned import refuse_held_learners

L = tf.keras.layers
TEXTS = ["foo bar", "bar baz", "baz bada boom"]


def test_a_vocabulary_is_sorted_by_frequency_and_ties_from_the_last_to_the_first():
    layer = L.TextVectorization(max_tokens=5000, output_sequence_length=4)
    layer.adapt(TEXTS)
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    assert layer([["foo qux bar"], ["qux baz"]]).numpy().tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]


@pytest.mark.parametrize(
    "data",
    [
        np.array(TEXTS),
        tf.constant(TEXTS),
        tf.data.Dataset.from_tensor_slices(TEXTS).batch(2),
        tf.data.Dataset.from_tensor_slices((TEXTS, [1, 2, 3])).batch(2),
        (np.array([text]) for text in TEXTS),
    ],
    ids=["array", "tensor", "dataset", "dataset of pairs", "generator"],
)
def test_adapt_takes_arrays_datasets_and_batches(data):
    layer = L.TextVectorization(output_mode="tf_idf")
    layer.adapt(data)
    expected = [0.0, *(np.log1p(3 / (1 + n)) for n in (2, 2, 1, 1, 1))]
    assert layer.get_vocabulary() == ["[UNK]", "baz", "bar", "foo", "boom", "bada"]
    np.testing.assert_allclose(layer(["foo bar baz bada boom"]).numpy()[0], expected, rtol=1e-6)


def test_steps_end_adapting():
    layer = L.StringLookup()
    layer.adapt(tf.data.Dataset.from_tensor_slices(["a", "b", "c"]).repeat().batch(1), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]


def test_adapting_again_forgets_what_was_before():
    layer = L.StringLookup()
    layer.adapt(["a", "a", "b"])
    layer.adapt(["c"])
    assert layer.get_vocabulary() == ["[UNK]", "c"]


def test_states_are_updated_batch_by_batch():
    layer = L.IntegerLookup()
    for batch in ([[12, 1138]], [[42, 42]], [[1000, 36]]):
        layer.update_state(np.array(batch))
    layer.finalize_state()
    assert layer.get_vocabulary() == [-1, 42, 1138, 1000, 36, 12]
    assert layer.get_vocabulary(include_special_tokens=False) == [42, 1138, 1000, 36, 12]
    assert layer.vocabulary_size() == 6


def test_vocabularies_are_looked_up_backwards():
    layer = L.StringLookup(vocabulary=np.array(["a", "b"]), mask_token="")
    back = L.StringLookup(vocabulary=layer.get_vocabulary(), mask_token="", invert=True)
    assert back(layer([["b", "z"], ["", "a"]])).numpy().tolist() == [[b"b", b"[UNK]"], [b"", b"a"]]
    assert L.IntegerLookup(vocabulary=[12, 36], invert=True)([1, 2, 0]).numpy().tolist() == [12, 36, -1]


def test_a_vocabulary_can_be_set():
    layer = L.StringLookup(output_mode="tf_idf")
    layer.set_vocabulary(["a", "b"], idf_weights=[0.5, 1.5])
    assert layer([["a", "b", "b", "z"]]).numpy().tolist() == [[1.0, 0.5, 3.0]]
    with pytest.raises(SpecError, match="the vocabulary has 'a' twice"):
        L.StringLookup().set_vocabulary(["a", "a"])


def test_a_vocabulary_can_be_a_file(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    assert L.StringLookup(vocabulary=str(tmp_path / "words.txt"))(["b", "c"]).numpy().tolist() == [2, 0]
    with pytest.raises(DataError, match="cannot read the vocabulary"):
        L.StringLookup(vocabulary=str(tmp_path / "none.txt"))(["b"])


def test_a_layer_that_learned_nothing_says_what_to_do():
    with pytest.raises(DataError, match="has no vocabulary yet: adapt it"):
        L.TextVectorization()(["a"])
    with pytest.raises(DataError, match="has no bin boundaries yet"):
        L.Discretization(num_bins=3)([1.0])
    with pytest.raises(DataError, match="no value to learn a vocabulary from"):
        L.StringLookup().adapt(np.array([], object))


def test_what_is_given_is_not_learned():
    with pytest.raises(SpecError, match="nothing to adapt"):
        L.StringLookup(vocabulary=["a"]).adapt(["b"])
    with pytest.raises(SpecError, match="nothing to adapt"):
        L.Normalization(mean=0.0, variance=1.0).adapt(np.ones((2, 2)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.TextVectorization(ragged=True), "no ragged tensors"),
        (lambda: L.StringLookup(output_mode="one_hot", sparse=True), "no sparse tensors"),
        (lambda: L.TextVectorization(output_mode="count", output_sequence_length=3), "is for `output_mode: int`"),
        (lambda: L.StringLookup(max_tokens=1), "must be more than 1"),
        (lambda: L.StringLookup(pad_to_max_tokens=True), "needs `max_tokens`"),
        (lambda: L.StringLookup(vocabulary=["a", "b", "a"]), "has 'a' twice"),
        (lambda: L.StringLookup(vocabulary=["a", ""], mask_token=""), "has the mask '' elsewhere"),
        (lambda: L.StringLookup(vocabulary=["a", "b"], max_tokens=2), "has 2 tokens"),
        (lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "needs one weight"),
        (lambda: L.StringLookup(invert=True, output_mode="count"), "must be int"),
        (lambda: L.IntegerLookup(salt=3), "is for `oov_method: farmhash`"),
        (lambda: L.Hashing(3, salt=[1, 2, 3]), "expected one number or two, got 3"),
        (lambda: L.Discretization([1.0], num_bins=3), "exactly one of"),
        (lambda: L.Discretization([1.0, 0.0]), "in rising order"),
        (lambda: L.Normalization(mean=1.0), "given both or not at all"),
        (lambda: L.Normalization(mean=[1.0], variance=[1.0, 2.0]), "as many numbers as `mean`"),
        (lambda: L.Normalization(axis=None, mean=[1.0], variance=[1.0]), "has more axes than the 0"),
        (lambda: L.MelSpectrogram(fft_length=8, sequence_length=9), "at least `sequence_length`"),
        (lambda: L.MelSpectrogram(sampling_rate=8000, max_freq=5000.0), "at most 4000"),
        (lambda: L.STFTSpectrogram(frame_length=4, frame_step=5), "at most `frame_length`"),
        (lambda: L.STFTSpectrogram(frame_length=4, window=[1.0]), "has 1 numbers"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(make, message):
    with pytest.raises(FieldError, match=message):
        make()


def test_values_of_another_kind_are_refused():
    with pytest.raises(DtypeError, match="expected texts, got int32"):
        L.StringLookup(vocabulary=["a"])([1])
    with pytest.raises(DtypeError, match="expected whole numbers, got texts"):
        L.IntegerLookup(vocabulary=[1])(["a"])
    with pytest.raises(DataError, match="expected whole numbers from 0 to 2, got 3"):
        L.CategoryEncoding(3)([[3]])
    with pytest.raises(DataError, match=r"expected whole numbers, got 0\.5"):
        L.CategoryEncoding(3)([[0.5]])
    with pytest.raises(ShapeError, match="expected one text an example"):
        L.TextVectorization(vocabulary=["a"])([["a", "b"]])
    with pytest.raises(ShapeError, match="at least two inputs"):
        L.HashedCrossing(3)([np.array(["a"])])
    with pytest.raises(ShapeError, match="too short"):
        L.MelSpectrogram()(np.ones((1, 100)))


def test_counts_can_be_weighted():
    weights = np.array([[1.0, 0.5, 0.25], [1, 2, 3]])
    counted = L.CategoryEncoding(3, output_mode="count")([[0, 2, 2], [1, 1, 1]], count_weights=weights)
    assert counted.numpy().tolist() == [[1.0, 0.0, 0.75], [0.0, 6.0, 0.0]]
    with pytest.raises(SpecError, match="count_weights are for output_mode count"):
        L.CategoryEncoding(3)([[0]], count_weights=[[1.0]])


def test_functions_of_ones_own_standardize_and_split():
    layer = L.TextVectorization(
        standardize=lambda x: tf.strings.regex_replace(tf.strings.lower(x), "[aeiou]", ""),
        split=lambda x: tf.strings.split(x, sep=","),
    )
    layer.adapt(["Apple,Banana", "fig,apple"])
    assert layer.get_vocabulary() == ["", "[UNK]", "ppl", "fg", "bnn"]


def test_a_mean_learned_in_batches_is_that_of_all():
    x = (np.random.default_rng(0).normal(size=(1000, 3)) * 3 + 1000).astype(np.float32)
    layer = L.Normalization()
    layer.adapt(tf.data.Dataset.from_tensor_slices(x).batch(64))
    np.testing.assert_allclose(layer.mean.numpy(), x.mean(0, dtype=np.float64)[None], rtol=1e-6)
    np.testing.assert_allclose(layer.variance.numpy(), x.var(0, dtype=np.float64)[None], rtol=1e-5)
    assert [w.path.split("/")[-1] for w in layer.weights] == ["mean", "variance", "count"]
    assert layer.trainable_weights == []


def test_a_clone_of_a_layer_that_learned_has_yet_to_learn():
    layer = L.Normalization(axis=-1, invert=True)
    layer.adapt(np.array([[1.0, 2.0], [3.0, 6.0]]))
    clone = layer.clone()
    assert clone.learns
    assert (clone.mean, clone.invert) == (None, True)
    assert layer.spec() == clone.spec()
    assert layer.get_config()["mean"] is None


def test_data_of_another_width_are_refused():
    layer = L.Normalization()
    layer.adapt(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="does not fit an input"):
        layer(np.ones((2, 4)))
    with pytest.raises(ShapeError, match="learned a mean of shape"):
        layer.adapt(np.ones((2, 4)))


def test_texts_go_through_a_sequential_model():
    texts, labels = np.array(["good film", "bad film"] * 8), np.array([1.0, 0.0] * 8)
    vectorize = L.TextVectorization(output_sequence_length=3)
    vectorize.adapt(texts)
    embed = L.Embedding(vectorize.vocabulary_size(), 4)
    model = tf.keras.Sequential([tf.keras.Input((1,), dtype="string"), vectorize, embed, L.Flatten(), L.Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(texts, labels, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    assert model.predict(np.array(["good", "bad", "unheard of"]), verbose=0).shape == (3, 1)


def test_texts_go_through_a_functional_model_that_is_made_before_adapting():
    inputs = tf.keras.Input((1,), dtype="string")
    lookup = L.StringLookup()
    model = tf.keras.Model(inputs, lookup(inputs))
    lookup.adapt(["a", "b", "b"])
    assert model(np.array([["a"], ["b"], ["c"]])).numpy().tolist() == [[2], [1], [0]]


def test_layers_work_in_datasets():
    vectorize = L.TextVectorization(vocabulary=["foo", "bar"], output_sequence_length=2)
    one = tf.data.Dataset.from_tensor_slices(TEXTS).map(vectorize)
    assert [list(row) for row in one.as_numpy_iterator()] == [[2, 3], [3, 1], [1, 1]]
    batches = tf.data.Dataset.from_tensor_slices((TEXTS, [1, 2, 3])).batch(2).map(lambda x, y: (vectorize(x), y))
    assert [x.shape for x, _ in batches] == [(2, 2), (1, 2)]


def test_a_traced_function_follows_what_is_learned_later():
    layer = L.StringLookup()
    layer.adapt(["a", "b", "b"])
    traced = tf.function(lambda x: layer(x))
    assert traced(tf.constant(["a"])).numpy().tolist() == [2]
    layer.adapt(["a"])
    assert traced(tf.constant(["a"])).numpy().tolist() == [1]


def test_kernels_of_an_stft_begin_as_waves_under_a_window():
    layer = L.STFTSpectrogram(mode="stft", frame_length=4, fft_length=4)
    layer.build((None, 8, 1))
    cosines, sines = (w.numpy()[:, 0] for w in layer.weights)
    window = np.array([0.0, 0.75, 0.75, 0.0]) / np.sqrt(1.125)
    np.testing.assert_allclose(
        cosines, window[:, None] * np.array([[1, 1, 1], [1, 0, -1], [1, -1, 1], [1, 0, -1]]), atol=1e-6
    )
    np.testing.assert_allclose(
        sines, window[:, None] * np.array([[0, 0, 0], [0, -1, 0], [0, 0, 0], [0, 1, 0]]), atol=1e-6
    )


def test_an_archive_holds_what_was_learned(tmp_path):
    vectorize, bins, scale = L.TextVectorization(output_mode="tf_idf"), L.Discretization(num_bins=3), L.Normalization()
    numbers = np.arange(12.0).reshape(6, 2) ** 2
    vectorize.adapt(TEXTS)
    for layer in (bins, scale):
        layer.adapt(numbers)
    for layer, inputs in ((vectorize, np.array(TEXTS)), (bins, numbers), (scale, numbers)):
        kind = "string" if layer is vectorize else "float32"
        model = tf.keras.Sequential([tf.keras.Input(inputs.shape[1:] or (1,), dtype=kind), layer])
        model.save(tmp_path / "model.keras")
        found = tf.keras.models.load_model(tmp_path / "model.keras").predict(inputs, verbose=0)
        np.testing.assert_array_equal(found, model.predict(inputs, verbose=0))


def test_a_layer_that_learns_is_refused_inside_of_a_wrapper():
    with pytest.raises(SpecError, match="a normalization inside of a time_distributed does not see the data"):
        refuse_held_learners(L.TimeDistributed(L.Normalization()))
    given = L.TimeDistributed(L.Normalization(mean=[1.0], variance=[4.0]))
    assert refuse_held_learners(given) is None
