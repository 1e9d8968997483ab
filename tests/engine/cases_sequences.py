"""Cases for the ops of layers over sequences."""

import numpy as np
from cases import Case, case, normal

from tfcli.engine.ops import sequences

CASES: dict[str, list[Case]] = {
    "Parts": [case(sequences.Parts(2), normal(3, 4)), case(sequences.Parts(3), normal(2, 2, 6), unknown=(1,))],
    "JoinSteps": [
        case(sequences.JoinSteps(), normal(2, 3, 2)),
        case(sequences.JoinSteps(), normal(2, 3), unknown=(1,)),
    ],
    "SplitSteps": [case(sequences.SplitSteps(), normal(6, 2), normal(2, 3, 4))],
    "CarriedState": [
        case(sequences.CarriedState(), normal(3, 2), normal(3, 2)),
        case(sequences.CarriedState(), normal(0, 2), normal(3, 2)),
    ],
    "CheckIds": [case(sequences.CheckIds(4, "embedding"), np.array([[0, 3], [1, 1]]))],
}
EXEMPT: dict[str, str] = {}
