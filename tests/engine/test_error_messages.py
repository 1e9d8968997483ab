"""What an op says of inputs that do not fit: what came, what was expected, how to mend it; a case for each family."""

import pytest

import tfcli as tf
from tfcli.errors import DataError, DtypeError, ShapeError, TfcliError


def ones(*sizes):
    return tf.ones(sizes)


CASES = {
    "arithmetic, shapes": (lambda: ones(2, 3) + ones(2, 4), ShapeError, r"\(2, 3\) and \(2, 4\) do not broadcast"),
    "arithmetic, dtypes": (lambda: ones(2) + tf.constant([1, 2]), DtypeError, "must have one dtype, tf.cast converts"),
    "bitwise": (lambda: tf.bitwise.bitwise_and(ones(1), ones(1)), DtypeError, "expected integers, got float32"),
    "products": (lambda: ones(2, 3) @ ones(2, 3), ShapeError, "3 columns of a, 2 rows of b; they must be equal"),
    "square matrices": (lambda: tf.linalg.inv(ones(2, 3)), ShapeError, r"expected square matrices, got \(2, 3\)"),
    "einsum": (lambda: tf.einsum("ab,cd->ad", ones(2, 3)), ShapeError, "2 operands are named, 1 given"),
    "convolution": (
        lambda: tf.nn.conv2d(ones(1, 5, 5, 3), ones(3, 3, 4, 8), 1, "VALID"),
        ShapeError,
        "has 3 channels, but the kernel .* takes 4",
    ),
    "pooling": (lambda: tf.nn.max_pool2d(ones(1, 2, 2, 3), 3, 1, "VALID"), ShapeError, "take a smaller window"),
    "reductions": (lambda: tf.reduce_sum(ones(2, 3), axis=2), ShapeError, "axis 2 does not exist .* of 2 axes"),
    "reshape": (lambda: tf.reshape(ones(2, 3), [4]), ShapeError, r"the 6 entries of \(2, 3\) do not fill \(4,\)"),
    "transpose": (lambda: tf.transpose(ones(2, 3), [0, 2]), ShapeError, "does not name each of the 2 axes"),
    "concat": (lambda: tf.concat([ones(2, 3), ones(3, 4)], 0), ShapeError, "differ in more than axis 0"),
    "slices": (lambda: ones(2, 3)[0, 0, 0], ShapeError, "it names 3 axes, there are 2"),
    "gather": (lambda: tf.gather(ones(3), [5]), TfcliError, "the index 5 is outside axis 0 of size 3"),
    "scatter": (lambda: tf.scatter_nd([[7]], [1.0], [3]), TfcliError, "the index 7 is outside axis 0 of size 3"),
    "segments": (lambda: tf.math.segment_sum(ones(3), [0, 1]), ShapeError, r"the ids \(2,\) must match"),
    "order": (lambda: tf.math.top_k(ones(2), 5), ShapeError, "k=5 of a last axis of size 2"),
    "random": (lambda: tf.random.normal([2, -1]), ShapeError, r"the shape \(2, -1\) has a negative size"),
    "losses": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([3], ones(1, 3)),
        DataError,
        "the label 3 with 3 classes; labels are 0 … 2",
    ),
    "one_hot": (lambda: tf.one_hot([0.5], 3), DtypeError, "indices must be integers, got float32"),
    "signal": (lambda: tf.signal.fft(ones(4)), DtypeError, "expected a complex tensor, got float32"),
    "strings": (lambda: tf.strings.length(ones(2)), DtypeError, "tf.strings.as_string makes one of numbers"),
    "dtypes": (lambda: tf.cast(ones(2), "float13"), DtypeError, "'float13' is not a dtype; there are bool, int8"),
    "loops": (
        lambda: tf.while_loop(lambda i: i < 3, lambda i: tf.stack([i, i]), [tf.constant(0)]),
        DtypeError,
        r"expected a bool of shape \(\) from `cond`, got bool\(2,\)",
    ),
    "variables": (lambda: tf.Variable([1.0]).assign([1.0, 2.0]), ShapeError, "they must be equal"),
    "assertions": (
        lambda: tf.debugging.assert_equal(ones(2), tf.zeros([2])),
        TfcliError,
        "expected x == y for every entry",
    ),
    "images": (lambda: tf.image.resize(ones(5), [2, 2]), ShapeError, r"expected \(H, W, C\) or \(N, H, W, C\)"),
    "names": (lambda: tf.nn.reluu, AttributeError, "tf.nn has no 'reluu'; did you mean `relu`?"),
}


@pytest.mark.parametrize("family", CASES)
def test_the_message_says_what_does_not_fit(family):
    act, kind, message = CASES[family]
    with pytest.raises(kind, match=message):
        act()


@pytest.mark.parametrize("family", [f for f in CASES if f not in ("names", "assertions")])
def test_users_can_catch_it_as_a_value_error(family):
    with pytest.raises(ValueError, match=r"\w"):
        CASES[family][0]()
