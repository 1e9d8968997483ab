"""Products: einsum against numpy's, broadcast batches, and what the errors say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.engine.function import function
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops import linalg as L
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.errors import DtypeError, ShapeError


def normal(*sizes):
    return np.random.default_rng(len(sizes)).standard_normal(sizes)


EQUATIONS = [
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("bij,bkj->kbi", (2, 3, 4), (2, 2, 4)),
    ("ij,kl->", (2, 3), (2, 2)),
    ("ij,j->i", (2, 3), (3,)),
    ("i,j", (2,), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("...i->...", (2, 3, 4)),
    ("...ij,...jk", (2, 3, 4), (4, 2)),
    ("...ij,jk->...ik", (2, 2, 3, 4), (4, 2)),
    ("i...,i...->...", (2, 3, 1), (2, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,jk,ik->", (2, 3), (3, 4), (2, 4)),
    (" a b , b -> a ", (2, 3), (3,)),
]


@pytest.mark.parametrize(("equation", "shapes"), [(e[0], e[1:]) for e in EQUATIONS], ids=[e[0] for e in EQUATIONS])
def test_einsum_is_numpys(equation, shapes):
    operands = [normal(*shape) for shape in shapes]
    np.testing.assert_allclose(L.einsum(equation, *operands).array, np.einsum(equation, *operands), atol=1e-12)
    check_gradients(lambda *xs: L.einsum(equation, *xs), operands, order=1)


@st.composite
def einsums(draw):
    sizes = dict(zip("abcd", draw(st.lists(st.integers(1, 3), min_size=4, max_size=4)), strict=True))
    terms = draw(
        st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=3).map("".join), min_size=1, max_size=3)
    )
    labels = sorted(set("".join(terms)))
    output = "".join(draw(st.lists(st.sampled_from(labels), unique=True))) if labels else ""
    return f"{','.join(terms)}->{output}", [normal(*(sizes[label] for label in term)) for term in terms]


@settings(max_examples=60, deadline=None)
@given(einsums())
def test_any_einsum_is_numpys(example):
    equation, operands = example
    np.testing.assert_allclose(L.einsum(equation, *operands).array, np.einsum(equation, *operands), atol=1e-12)
    check_gradients(lambda *xs: L.einsum(equation, *xs), operands, order=1)


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk", [(2, 3)], "2 operands are named, 1 given"),
        ("ii->", [(2, 2)], "'ii' names a label twice; take tf.linalg.diag_part"),
        ("ij->ii", [(2, 2)], "'ii' names a label twice"),
        ("ij->k", [(2, 2)], "the output's label 'k' stands in no operand"),
        ("i->i", [(2, 2)], "'i' does not name the axes of a tensor of 2 axes"),
        ("...i->i", [(2, 2)], "the output lacks the '...'"),
        ("i1->i", [(2, 2)], "must be letters"),
        ("ij,jk->ik", [(2, 3), (4, 2)], "the label 'j' stands for 3 and 4"),
    ],
)
def test_einsum_says_what_is_wrong(equation, shapes, message):
    with pytest.raises(ShapeError, match=message):
        L.einsum(equation, *(normal(*shape) for shape in shapes))


def test_einsum_keeps_an_unknown_batch():
    traced = function(lambda x: L.einsum("...i,ij->...j", x, normal(3, 2)))
    assert traced.get_concrete_function(TensorSpec(Shape((None, 3)), "float64")).structured_outputs.shape == (None, 2)
    assert traced(normal(5, 3)).shape == (5, 2)


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 1, 2, 3), (2, 3, 4)), ((0, 2, 3), (3, 4))]
)
def test_matmul_is_numpys(a, b):
    x, y = normal(*a), normal(*b)
    expected = x @ y
    np.testing.assert_allclose(L.matmul(x, y).array, expected, atol=1e-12)
    np.testing.assert_allclose(L.matmul(x.swapaxes(-1, -2), y, transpose_a=True).array, expected, atol=1e-12)
    np.testing.assert_allclose(L.matmul(x, y.swapaxes(-1, -2), transpose_b=True).array, expected, atol=1e-12)


def test_the_operator_is_matmul():
    x = constant(normal(2, 2))
    assert (x @ np.eye(2)).array.tolist() == x.array.tolist()


def test_matmul_names_both_shapes():
    with pytest.raises(
        ShapeError, match=r"matmul: \(2, 3\) and \(2, 4\) transposed do not fit: 3 columns of a, 4 rows of b"
    ):
        L.matmul(normal(2, 3), normal(2, 4), transpose_b=True)
    with pytest.raises(ShapeError, match=r"matmul: \(2, 3\) and \(3,\) must both have two axes or more"):
        L.matmul(normal(2, 3), normal(3))


def test_matmul_refuses_two_dtypes():
    with pytest.raises(DtypeError, match=r"matmul: a is float32\(1, 1\), b is float64\(1, 1\)"):
        L.matmul(constant([[1.0]]), constant(normal(1, 1)))


def test_the_gradient_of_a_shared_matrix_sums_over_the_batch():
    x, w = normal(4, 3, 2), constant(normal(2, 5))
    with GradientTape() as tape:
        tape.watch(w)
        y = L.matmul(x, w)
    np.testing.assert_allclose(tape.gradient(y, w).array, np.einsum("bij,bik->jk", x, np.ones((4, 3, 5))))


@pytest.mark.parametrize("axes", [0, 1, 2, ([0, 1], [1, 0]), (1, 0)])
def test_tensordot_is_numpys(axes):
    x, y = normal(3, 3), normal(3, 3)
    np.testing.assert_allclose(L.tensordot(x, y, axes).array, np.tensordot(x, y, axes), atol=1e-12)


def test_tensordot_wants_partners():
    with pytest.raises(ShapeError, match="2 axes of a and 1 of b"):
        L.tensordot(normal(2, 2), normal(2, 2), ([0, 1], [0]))


@pytest.mark.parametrize(("lower", "upper", "theirs"), [(-1, 0, np.tril), (0, -1, np.triu)])
def test_bands_are_triangles(lower, upper, theirs):
    x = normal(2, 3, 4)
    np.testing.assert_array_equal(L.band_part(x, lower, upper).array, theirs(x))


def test_diagonals():
    x = normal(3, 4)
    assert L.diag_part(x).array.tolist() == np.diagonal(x).tolist()
    assert L.diag(constant([1.0, 2.0])).array.tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert float(L.trace(x)) == pytest.approx(np.trace(x))
    with pytest.raises(ShapeError, match="diag_part: expected matrices"):
        L.diag_part(normal(3))
