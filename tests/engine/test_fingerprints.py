"""Hashes against the numbers of TensorFlow's to_hash_bucket_fast, to_hash_bucket_strong and sparse.cross_hashed."""

import numpy as np
import pytest

from tfcli.engine.fingerprints import crossed_bins, fingerprint64, hash_bins, siphash
from tfcli.engine.ops import strings

LENGTHS = (0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300)
"""At both sides of each border between FarmHash's ways."""
TEXTS = [bytes((7 * i + n) % 256 for i in range(n)) for n in LENGTHS]
FAST = [
    1936946117179596765,
    550085751958546437,
    50737162503507243,
    74291032823975357,
    3398365883158462557,
    3403648104429986230,
    3575310498258597009,
    663651183927802214,
    3125010364355818980,
    2801713092741268096,
    3992320350721670009,
    3233698670931810907,
    1203207000702747838,
    1859692024977897594,
    444801980686921533,
    1314699078308468531,
    2003798058489011486,
    455335815384271502,
    3886849482814130032,
]
STRONG = [
    3269837966603416254,
    1978713561242364980,
    2133069112954234769,
    3742340114548321982,
    3342475953817963574,
    3262162943876442660,
    2256638419977714090,
    4131255861050862643,
    1277737664764436047,
    1867208590252465797,
    4111674158969573438,
    3446001213965491792,
    2509663973660036211,
    1040956056544801625,
    858357187506967944,
    1973178773430428183,
    2005903568764354180,
    814926233701805511,
    4259057065416468240,
]
CROSSED = [2928842892298862987, 4250588408367905813, 953331048373758422]
MOST = (1 << 62) + 12345


def test_fingerprints_are_those_of_farmhash():
    known = {b"": 0x9AE16A3B2F90404F, b"a": 0xB3454265B6DF75E3, b"hello": 0xB48BE5A931380CE8}
    assert fingerprint64(list(known)).tolist() == list(known.values())


def test_siphash_has_the_number_of_its_paper():
    key = [int.from_bytes(bytes(range(8)), "little"), int.from_bytes(bytes(range(8, 16)), "little")]
    assert siphash([bytes(range(15))], key).tolist() == [0xA129CA6149BE45E5]


def test_bins_of_every_length_are_tensorflows():
    assert hash_bins(TEXTS, MOST).tolist() == FAST


def test_bins_with_a_key_are_tensorflows():
    assert hash_bins(TEXTS, MOST, [3, 5]).tolist() == STRONG


def test_crossed_bins_are_tensorflows():
    columns = [fingerprint64([b"a", b"bc", b""]), np.array([1, -2, 300]).astype(np.uint64)]
    assert crossed_bins(columns, MOST).tolist() == CROSSED


@pytest.mark.parametrize("key", [None, [1, 2]])
def test_a_bin_does_not_depend_on_the_texts_beside_it(key):
    assert hash_bins(TEXTS[::-1], 97, key).tolist() == [hash_bins([text], 97, key)[0] for text in TEXTS[::-1]]


def test_no_texts_have_no_bins():
    assert hash_bins([], 5).tolist() == []


def test_tf_strings_has_the_same_buckets():
    texts = np.array([[b"a", b"bc"]], object)
    assert strings.to_hash_bucket_fast(texts, 10).array.tolist() == [hash_bins([b"a", b"bc"], 10).tolist()]
    assert strings.to_hash_bucket_strong(texts, 10, [3, 5]).array.tolist() == [
        hash_bins([b"a", b"bc"], 10, [3, 5]).tolist()
    ]
