"""The reference pages are what the declarations say now."""

import importlib.util
from pathlib import Path

import pytest

from tfcli.namespaces import PLACES, lookup

DOCS = Path(__file__).parents[1] / "docs"


def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["ops.md", "tensorflow_names.md"])
def test_the_page_is_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run python docs/reference.py"


@pytest.mark.parametrize("space", PLACES)
def test_every_name_of_the_table_exists(space):
    assert all(lookup(space, name) is not None for name in PLACES[space])


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match="did you mean `reduce_sum`"):
        lookup("math", "reduce_summ")


def test_functions_take_tensorflows_name():
    assert lookup("", "reduce_sum")([1, 2], name="total").numpy() == 3
