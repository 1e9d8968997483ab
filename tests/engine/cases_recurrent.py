"""Cases for the recurrent cells over sequences."""

from cases import Case, case, normal

from tfcli.engine.ops import recurrent

N, T, U = 2, 3, 2


CASES: dict[str, list[Case]] = {
    "StepsBefore": [
        case(recurrent.StepsBefore(), normal(N, U), normal(N, T, U)),
        case(recurrent.StepsBefore(), normal(N, U), normal(N, 1, U), unknown=(None, 1)),
    ],
    "LstmSequence": [
        case(
            recurrent.LstmSequence(),
            *(normal(N, T, 4 * U), normal(N, U), normal(N, U), normal(U, 4 * U)),
            unknown=(0, 0, 0, None),
        ),
        case(
            recurrent.LstmSequence(),
            *(normal(N, T, 4 * U), normal(N, U), normal(N, U), normal(U, 4 * U)),
            unknown=(1, None, None, None),
        ),
    ],
    "LstmSequenceGrad": [
        case(
            recurrent.LstmSequenceGrad(),
            *(normal(N, U), normal(N, U), normal(N, T, U), normal(N, T, 4 * U), normal(N, T, U), normal(N, U)),
            normal(U, 4 * U),
            unknown=(0, 0, 0, 0, 0, 0, None),
        )
    ],
    "GruSequence": [
        case(
            recurrent.GruSequence(),
            *(normal(N, T, 3 * U), normal(N, U), normal(U, 3 * U), normal(3 * U)),
            unknown=(0, 0, None, None),
        )
    ],
    "GruSequenceGrad": [
        case(
            recurrent.GruSequenceGrad(),
            *(normal(N, U), normal(N, T, U), normal(N, T, 4 * U), normal(N, T, U), normal(N, U), normal(U, 3 * U)),
            unknown=(0, 0, 0, 0, 0, None),
        )
    ],
    "SimpleRnnSequence": [
        case(recurrent.SimpleRnnSequence(), normal(N, T, U), normal(N, U), normal(U, U), unknown=(0, 0, None))
    ],
    "SimpleRnnSequenceGrad": [
        case(
            recurrent.SimpleRnnSequenceGrad(),
            *(normal(N, U), normal(N, T, U), normal(N, T, U), normal(U, U)),
            unknown=(0, 0, 0, None),
        )
    ],
}
EXEMPT: dict[str, str] = {}
