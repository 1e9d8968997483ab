"""Cases of the ops that enlarge an axis."""

from cases import Case, case, normal

from tfcli.engine.ops import resize

METHODS = ("bilinear", "bicubic", "lanczos3", "lanczos5")

CASES: dict[str, list[Case]] = {
    "RepeatEntries": [case(resize.RepeatEntries(3, 1), normal(2, 3, 2)), case(resize.RepeatEntries(2, 0), normal(3))],
    "RepeatEntriesGrad": [case(resize.RepeatEntriesGrad(3, 1), normal(2, 6, 2))],
    "ResizeAxis": [case(resize.ResizeAxis(2, 1, method), normal(2, 4, 2)) for method in METHODS],
    "ResizeAxisGrad": [case(resize.ResizeAxisGrad(2, 1, method), normal(2, 6, 2)) for method in METHODS],
}
EXEMPT: dict[str, str] = {}
