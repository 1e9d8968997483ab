"""Cases of the preprocessing layers for numbers, categories, texts and sounds."""

from typing import Any

from layer_cases import Case, case

LETTERS = [["a", "b"], ["c", "zzz"], ["", "a"]]
WHOLE = [[5, 7], [2, 9], [0, 5]]
TEXTS = ["The cat sat, on the mat!", "A dog", "cat & dog: a DOG's cat", "Ünï cödé É"]
SIGNAL = (2, 40)
VECTORS = ("one_hot", "multi_hot", "count")


def exact(name: str, values: list[Any], **fields: Any) -> Case:
    """A case whose outputs are not differentiable."""
    return case(name, values=values, gradient=False, **fields)


def lookups(name: str, values: list[Any], vocabulary: list[Any], mask: Any) -> list[Case]:
    given = {"vocabulary": vocabulary}
    weights = {"idf_weights": [0.25, 0.75, 0.6]}
    return [
        exact(name, [values], **given),
        exact(name, [values], **given, mask_token=mask),
        exact(name, [values], **given, mask_token=mask, num_oov_indices=3),
        *(exact(name, [values], **given, mask_token=mask, output_mode=mode) for mode in VECTORS),
        exact(name, [values], **given, output_mode="multi_hot", max_tokens=9, pad_to_max_tokens=True),
        exact(name, [values], **given, **weights, output_mode="tf_idf", mask_token=mask),
        exact(name, [values], learn=[*values, *values, values[0]], max_tokens=3),
        exact(name, [values], learn=[*values, values[1]], output_mode="tf_idf", mask_token=mask),
        exact(name, [values], learn=values, output_mode="tf_idf", max_tokens=9, pad_to_max_tokens=True),
    ]


def vectorized(**fields: Any) -> Case:
    return exact("text_vectorization", [TEXTS], learn=[*TEXTS, *TEXTS[1:]], **fields)


CASES: dict[str, list[Case]] = {
    "normalization": [
        case("normalization", (3, 4), mean=[0.5, 1.0, -1.0, 2.0], variance=[4.0, 0.25, 1.0, 2.0]),
        case("normalization", (3, 4), mean=0.5, variance=4.0, invert=True),
        case("normalization", (2, 3, 2), axis=[1, 2], mean=[1.0, 2.0], variance=[4.0, 9.0]),
        case("normalization", (3, 2), learn=[[1.0, 10.0], [2.0, 20.0], [4.0, 60.0]]),
        case("normalization", (3, 2), axis=None, learn=[[1.0, 10.0], [2.0, 20.0], [4.0, 60.0]], invert=True),
        case("normalization", (3, 2, 2), axis=1, learn=[[[1.0, 10.0], [2.0, 20.0]], [[4.0, 60.0], [5.0, 6.0]]]),
    ],
    "discretization": [
        case("discretization", (3, 4), bin_boundaries=[-0.5, 0.0, 0.25], gradient=False),
        *(
            case("discretization", (3, 4), bin_boundaries=[-0.5, 0.25], output_mode=mode, gradient=False)
            for mode in VECTORS
        ),
        exact("discretization", [[[0.1], [3.0], [7.5]]], num_bins=4, learn=[[float(i * i % 17)] for i in range(40)]),
        exact(
            "discretization", [[[9.1, 3.0]]], num_bins=3, epsilon=0.2, learn=[[float(i * 7 % 31)] for i in range(50)]
        ),
    ],
    "category_encoding": [
        exact("category_encoding", [WHOLE], num_tokens=10),
        exact("category_encoding", [[[1], [3]]], num_tokens=4, output_mode="one_hot"),
        exact("category_encoding", [WHOLE], num_tokens=10, output_mode="one_hot"),
        exact("category_encoding", [[[1, 1, 3]]], num_tokens=4, output_mode="count"),
        exact("category_encoding", [[1, 1, 3]], num_tokens=4, output_mode="count"),
    ],
    "hashing": [
        exact("hashing", [[["a", "bc"], ["", "a text of more than sixteen letters"]]], num_bins=1000),
        exact("hashing", [WHOLE], num_bins=1000),
        exact("hashing", [[[1.7, -2.2]]], num_bins=1000),
        exact("hashing", [LETTERS], num_bins=7, mask_value=""),
        exact("hashing", [WHOLE], num_bins=7, mask_value=5),
        exact("hashing", [LETTERS], num_bins=1000, salt=1337),
        exact("hashing", [WHOLE], num_bins=1000, salt=[3, 4]),
        *(exact("hashing", [LETTERS], num_bins=5, output_mode=mode) for mode in VECTORS),
    ],
    "hashed_crossing": [
        exact("hashed_crossing", [["a", "b", "a"], [101, 101, -7]], num_bins=1000),
        exact("hashed_crossing", [[[1], [2]], [["x"], ["y"]], [[5], [6]]], num_bins=5, output_mode="one_hot"),
    ],
    "string_lookup": [
        *lookups("string_lookup", LETTERS, ["a", "b", "c"], ""),
        exact("string_lookup", [LETTERS], vocabulary=["a", "c"], num_oov_indices=5, salt=9),
    ],
    "integer_lookup": [
        *lookups("integer_lookup", WHOLE, [5, 7, 2], 0),
        exact("integer_lookup", [WHOLE], vocabulary=[5], num_oov_indices=3, oov_method="farmhash"),
        exact("integer_lookup", [WHOLE], vocabulary=[5], num_oov_indices=3, oov_method="farmhash", salt=[1, 2]),
    ],
    "text_vectorization": [
        exact("text_vectorization", [TEXTS], vocabulary=["cat", "dog", "the"]),
        vectorized(),
        vectorized(max_tokens=5, output_sequence_length=3),
        vectorized(output_sequence_length=9, standardize=None),
        vectorized(standardize="lower"),
        vectorized(standardize="strip_punctuation", split="character"),
        vectorized(ngrams=2),
        vectorized(ngrams=[1, 3], output_mode="count"),
        vectorized(output_mode="multi_hot"),
        vectorized(output_mode="count", max_tokens=40, pad_to_max_tokens=True),
        vectorized(output_mode="tf_idf"),
        vectorized(output_mode="tf_idf", max_tokens=6),
        exact("text_vectorization", [LETTERS], split=None, vocabulary=["a", "b"]),
        exact("text_vectorization", [LETTERS], split=None, learn=LETTERS, ngrams=2, output_mode="multi_hot"),
        exact("text_vectorization", [["a", "c"]], split=None, vocabulary=["a", "b"], output_mode="one_hot"),
        exact("text_vectorization", [TEXTS], vocabulary=["cat", "dog"], idf_weights=[0.5, 2.0], output_mode="tf_idf"),
    ],
    "mel_spectrogram": [
        case(
            "mel_spectrogram",
            SIGNAL,
            fft_length=16,
            sequence_stride=5,
            num_mel_bins=4,
            sampling_rate=8000,
            keras_precision="float32",
            tolerance=2e-4,
        ),
        case(
            "mel_spectrogram",
            SIGNAL,
            fft_length=16,
            sequence_stride=4,
            sequence_length=11,
            window="hamming",
            num_mel_bins=3,
            sampling_rate=8000,
            min_freq=100.0,
            max_freq=3000.0,
            power_to_db=False,
            mag_exp=1.0,
            keras_precision="float32",
            tolerance=2e-4,
        ),
        case(
            "mel_spectrogram",
            SIGNAL,
            fft_length=8,
            sequence_stride=4,
            window=None,
            num_mel_bins=2,
            sampling_rate=8000,
            top_db=3.0,
            ref_power=2.0,
            keras_precision="float32",
            tolerance=2e-4,
        ),
    ],
    "stft_spectrogram": [
        *(
            case("stft_spectrogram", (2, 20, 2), mode=mode, frame_length=6, keras_precision="float32")
            for mode in ("magnitude", "log", "psd", "real", "imag", "angle", "stft")
        ),
        case(
            "stft_spectrogram",
            (1, 21, 2),
            mode="magnitude",
            frame_length=6,
            frame_step=4,
            fft_length=16,
            padding="same",
            expand_dims=True,
            keras_precision="float32",
        ),
    ],
}
