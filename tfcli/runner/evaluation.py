"""A trained run at work: its loss and metrics on labelled data, and its predictions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfcli.data.pipeline import Split
from tfcli.data.prepared import PreparedData
from tfcli.data.streamed import StreamedSplit
from tfcli.declare.functions import own_python
from tfcli.errors import DataError, SpecError
from tfcli.logging.run_directory import RunDirectory
from tfcli.logging.tensors import load_tensors
from tfcli.runner.predictions import Predictions
from tfcli.runner.session import Session, assemble
from tfcli.spec.load import load_experiment

SPLITS = ("test", "validation", "train")
"""In the order in which they are looked for where none is named."""


@dataclass(frozen=True)
class Evaluation:
    """Loss and metrics of a run on `data` (a split's name or a file), with the weights that `weights` tells of."""

    run: Path
    data: str
    weights: str
    examples: int
    results: dict[str, Any]
    report: Path | None = None


def evaluate(
    run: RunDirectory,
    split: str | None = None,
    file: Path | None = None,
    checkpoint: str | None = None,
    trust: bool = False,
    report: Path | None = None,
    slices: str | None = None,
) -> Evaluation:
    """Loss and metrics on a split (default: the first there is of test, validation, train) or a labelled file.

    `checkpoint`: best, last, or an epoch, instead of the run's finished weights. `trust`: Python that the run's spec
    names may run. `report`: a folder for a report on the model, with `slices` of the data. Raises TfcliError.
    """
    with own_python(run.path, trust):
        session, weights = open_session(run, checkpoint)
        data, examples = _examples(session.data, split, file, labelled=True)
        session.trainer.expect_tests(examples.num_batches)
        results = session.trainer.evaluate(examples.batches())
        card = None
        if report is not None:
            from tfcli.runner.model_report import write_report

            data_of = session.data
            table = data_of.table(data, every_column=True) if file is None else data_of.input_table(file, labelled=True)
            what = f"the {data} split" if file is None else data
            card = write_report(run, session, table, what, results, report, slices)
    return Evaluation(run.path, data, weights, examples.num_examples, results, card)


def predict(
    run: RunDirectory,
    split: str | None = None,
    source: Path | bytes | None = None,
    checkpoint: str | None = None,
    trust: bool = False,
) -> Predictions:
    """The outputs for each example of a split (default as in `evaluate`), a raw file or its bytes, in their order.

    Nothing is shuffled or left out. `trust` as in `evaluate`. Raises TfcliError.
    """
    with own_python(run.path, trust):
        session, _ = open_session(run, checkpoint)
        _, examples = _examples(session.data, split, source, labelled=False)
        outputs = session.trainer.predict(examples.whole().batches())
    return Predictions(outputs, session.trainer.heads, session.data.class_names, session.data.remarks)


def open_session(run: RunDirectory, checkpoint: str | None = None) -> tuple[Session, str]:
    """The run's session with its trained weights, and where they are from. Raises TfcliError."""
    if (run.path / "study.json").is_file():
        raise SpecError(f"{run.path} is a tuning study; name one of its runs, which are in {run.path / 'trials'}")
    loaded = load_experiment(run.spec_path)
    loaded.experiment.train.initial_weights = None  # where training began does not matter any more
    session = assemble(loaded, run.preprocessing)
    if checkpoint is None and run.weights_path.is_file():
        session.network.load_weights(load_tensors(run.weights_path), str(run.weights_path))
        return session, "the finished run"
    found = run.checkpoints().load(checkpoint or "last")
    session.network.load_weights(found.tensors["model"], str(found.path))
    return session, f"checkpoint {found.name}"


def _examples(
    data: PreparedData, split: str | None, source: Path | bytes | None, labelled: bool
) -> tuple[str, Split | StreamedSplit]:
    if source is not None:
        if split is not None:
            raise SpecError("name either a split or a file of your own, not both")
        name = "standard input" if isinstance(source, bytes) else str(source)
        return name, data.predict_input(source, labelled)
    if split is None:
        split = next(name for name in SPLITS if name == "train" or getattr(data, name) is not None)
    if split not in SPLITS:
        raise DataError(f"there is no split {split!r}; there are: {', '.join(SPLITS)}")
    return split, data.split(split)
