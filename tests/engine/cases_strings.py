"""Cases for texts, checks and the CTC loss."""

import numpy as np
from cases import Case, case, normal

from tfcli.engine.ops import debugging, nn_losses, strings
from tfcli.engine.spec import float32, int32

TEXTS = np.array([b"Ab c", b" de"], object)
ONE = np.array(b"ab c", object)

CASES: dict[str, list[Case]] = {
    "StringLower": [case(strings.StringLower(), TEXTS)],
    "StringUpper": [case(strings.StringUpper("utf-8"), TEXTS)],
    "StringStrip": [case(strings.strip, TEXTS)],
    "RegexReplace": [case(strings.RegexReplace("[a-c]", "<\\0>"), TEXTS)],
    "RegexFullMatch": [case(strings.RegexFullMatch(".*c"), TEXTS)],
    "Substr": [case(strings.Substr(-2, 1), TEXTS)],
    "StringLength": [case(strings.StringLength(), TEXTS)],
    "StringToNumber": [case(strings.StringToNumber(float32), np.array([b"1.5", b"2"], object))],
    "AsString": [case(strings.AsString(2), [1.5, 2.0]), case(strings.AsString(), [True, False])],
    "StringToHashBucket": [case(strings.StringToHashBucket(7), TEXTS)],
    "StringJoin": [case(strings.StringJoin("-"), TEXTS, TEXTS)],
    "ReduceJoin": [case(strings.ReduceJoin(0), TEXTS)],
    "StringPieces": [case(strings.StringPieces(), ONE), case(strings.StringPieces("characters"), ONE)],
    "UnicodeDecode": [case(strings.UnicodeDecode(), ONE)],
    "UnicodeEncode": [case(strings.UnicodeEncode(), [[97, 98], [99, 100]])],
    "DecodeRaw": [case(strings.DecodeRaw(int32), np.array([b"abcd", b"efgh"], object))],
    "Assert": [case(debugging.Assert("no"), [True, True], [1.0, 2.0])],
    "CheckNumerics": [case(debugging.CheckNumerics("bad"), normal(3, 2))],
    "PrintOp": [case(debugging.PrintOp(("x ", ""), "stderr", "\n", 3), [1, 2])],
    "CtcLoss": [
        case(
            nn_losses.CtcLoss(0),
            [[1, 2], [2, 2]],
            normal(5, 2, 3),
            [2, 1],
            [5, 4],
            unknown=(None, None, None, None),
            order=1,
        )
    ],
    "CtcLossGrad": [
        case(nn_losses.CtcLossGrad(0), normal(2), [[1, 2], [2, 0]], normal(4, 2, 3), [2, 1], [4, 3], order=0)
    ],
}
EXEMPT: dict[str, str] = {"PyFunction": "holds a Python function: see test_debugging.py"}
