"""Cases of preprocessing that is computed in numpy."""

from cases import Case, between, case

from tfcli.engine.preprocessing.learning import Preprocess, configured
from tfcli.engine.preprocessing.numeric import Discretization

_BINS = configured(Discretization, bin_boundaries=[0.0, 1.0])
_BINS.prepared = _BINS.prepare(None)  # type: ignore[attr-defined]

CASES: dict[str, list[Case]] = {"Preprocess": [case(Preprocess(_BINS, "float64"), between(-2, 2, 3, 2), order=0)]}
EXEMPT: dict[str, str] = {}
