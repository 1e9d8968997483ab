"""docs/keras.md says of each class of Keras whether it is here; it is written by scripts/keras_table.py."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_it_is_up_to_date():
    spec = importlib.util.spec_from_file_location("keras_table", ROOT / "scripts" / "keras_table.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (ROOT / "docs" / "keras.md").read_text() == script.table(), "run: python scripts/keras_table.py"
