"""Each `broken/NAME.yaml` is refused with exactly the report in `broken/NAME.txt`, before anything is trained.

A first line `#! --set key=value …` gives options. After a deliberate change of wording, `UPDATE_EXPECTED=1 pytest
tests/spec` rewrites the reports, to be read before they are kept.
"""

import os
from pathlib import Path

import pytest

from tfcli.runner.session import assemble
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment

BROKEN = Path(__file__).parent / "broken"


def options_of(spec: Path) -> list[str]:
    first = spec.read_text(encoding="utf-8").partition("\n")[0]
    return [option.strip() for option in first.removeprefix("#!").split("--set ")[1:]] if first[:2] == "#!" else []


@pytest.mark.parametrize("name", sorted(spec.stem for spec in BROKEN.glob("*.yaml")))
def test_report(name, monkeypatch):
    monkeypatch.chdir(BROKEN)
    with pytest.raises(InvalidSpec) as error:
        assemble(load_experiment(f"{name}.yaml", options_of(BROKEN / f"{name}.yaml")))
    report = f"{error.value}\n"
    expected = BROKEN / f"{name}.txt"
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_text(report, encoding="utf-8")
    assert report == expected.read_text(encoding="utf-8")


def test_the_corpus_is_large():
    assert len(list(BROKEN.glob("*.yaml"))) >= 150
