"""From a `data:` spec to splits that give batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data import persist
from tfcli.data.feature_space import FeatureSpace, concatenate_numbers
from tfcli.data.files import Blob
from tfcli.data.labels import encode_labels, encode_weights, learn_labels
from tfcli.data.pipeline import Pipeline, Split
from tfcli.data.source import ChunkedSource, Source
from tfcli.data.spec import DataSpec
from tfcli.data.stage import Batch, Context
from tfcli.data.stages.groups import Filling
from tfcli.data.streamed import StreamedRows, StreamedSplit
from tfcli.data.table import Table
from tfcli.data.uneven import in_floats, is_uneven
from tfcli.declare import nearest
from tfcli.errors import DataError


@dataclass(frozen=True)
class ArraySpec:
    """One example's shape (None where it varies) and dtype of an input or target."""

    shape: tuple[int | None, ...]
    dtype: str


class PreparedData:
    """Splits, and what was learned from the training split. A split is read when it is first asked for.

    `inputs` and `targets` describe what the pipeline makes of one example; `class_names` says what a target's whole
    numbers stand for, where they stand for texts; `fingerprints` has the SHA-256 of each file read.
    """

    def __init__(self, data: DataSpec, root: Path, seed: int, floatx: str, learned: dict[str, Any]) -> None:
        self.data, self.root, self.seed, self.floatx = data, root, seed, floatx
        self.fingerprints: dict[str, str] = dict(learned.get("fingerprints", {}))
        self._learned = learned
        self.skipped: list[str] = []
        """What was left out of the data because it is damaged: a message for each."""
        self.remarks: list[str] = []
        """What is odd about raw files, though it can be used: a message for each."""
        self._read: dict[str, Table] = {}
        self._streams: dict[str, StreamedRows | None] = {}

    @cached_property
    def train(self) -> Split | StreamedSplit:
        split = self._split("train")
        assert split is not None, "there always is a training split"
        return split

    @cached_property
    def validation(self) -> Split | StreamedSplit | None:
        return self._split("validation")

    @cached_property
    def test(self) -> Split | StreamedSplit | None:
        return self._split("test")

    def split(self, name: str) -> Split | StreamedSplit:
        """The split called `name`. Raises DataError where the spec has none."""
        found = getattr(self, name) if name in ("train", "validation", "test") else None
        if found is None:
            raise DataError(f"the data has no {name} split; add `{name}` to `data.split`, or a source of its own")
        return found

    def vocabularies(self) -> list[list[Any]]:
        """Every vocabulary that was learned from the training split."""
        return [entry["vocabulary"] for entry in _mappings(self._learned) if isinstance(entry.get("vocabulary"), list)]

    def predict_input(self, source: Path | bytes, labelled: bool = False) -> Split:
        """The examples of a raw file (or its bytes) in the source's own format, put through exactly what was learned.

        One example a row, in the file's order. Labels are needed only where `labelled`. Raises DataError naming row and
        column.
        """
        table = self.input_table(source, labelled)
        examples = self.examples(table)
        if self.data.features:
            self.remarks += self._feature_space.unseen(table, self._learned["features"])
        return examples

    def input_table(self, source: Path | bytes, labelled: bool = False) -> Table:
        """The rows of a raw file (or its bytes) in the source's own format. Raises DataError."""
        blob = Blob("standard input", content=source) if isinstance(source, bytes) else Blob(str(source), source)
        reader = self.data.training_source
        return self._aligned(
            reader.examples(reader.read_input(blob, labelled), self._learned["source"], labelled, self.floatx)
        )

    def table(self, name: str, every_column: bool = False) -> Table:
        """The rows of a split, whether a filter leaves them out or not; `every_column`: also those that nothing is
        made of. Raises DataError where the spec has no such split, or it is read from a stream."""
        if not self._has(name):
            raise DataError(f"the data has no {name} split; add `{name}` to `data.split`, or a source of its own")
        if self._streamed(name) is not None:
            raise DataError(f"the {name} split is read from a stream, row by row; give some of its rows as a file")
        rows = self._read_anew(name, every_column=True)[name] if every_column else self._rows(name)
        source = self.data.sources().get(name, self.data.training_source)
        return self._aligned(source.examples(rows, self._learned["source"], floatx=self.floatx))

    def examples(self, table: Table) -> Split:
        """A table's examples, put through exactly what was learned, all of them in its order."""
        return Split(self._encoded(table), self._pipeline.whole())

    def _split(self, name: str) -> Split | StreamedSplit | None:
        if not self._has(name):
            return None
        if (streamed := self._streamed(name)) is not None:
            return self._streamed_split(streamed, self._pipeline, name)
        table = self.table(name)
        self._read.pop(name)
        return Split(self._pipeline.filtered(self._encoded(table)), self._pipeline)

    def _streamed(self, name: str) -> StreamedRows | None:
        """The rows of a split that are read anew in each pass; None where they are kept."""
        owner = "train" if self.data.source is not None else name
        if owner not in self._streams:
            source = self._source(owner)
            self._streams[owner] = None
            if isinstance(source, ChunkedSource) and source.streams(self.root):
                rows = StreamedRows(source, self.root, self.data.split, self.seed)
                self._note(rows.fingerprints(), rows.survey.skipped)
                self._streams[owner] = rows
        return self._streams[owner]

    def _streamed_split(self, rows: StreamedRows, pipeline: Pipeline, name: str) -> StreamedSplit:
        owned = name if self.data.source is not None else "train"

        def begin(first: int) -> tuple[int, Iterator[Batch]]:
            chunk, before = rows.chunk_with(owned, first)
            return before, (self._encoded(self._aligned(table)) for table in rows.tables(owned, chunk))

        return StreamedSplit(begin, rows.sizes()[owned], pipeline)

    def _has(self, name: str) -> bool:
        if self.data.source is None:
            return name in self.data.sources()
        return name == "train" or (self.data.split is not None and self.data.split.has(name))

    def _rows(self, name: str) -> Table:
        """The rows of a split as the source has them."""
        if name not in self._read:
            self._read |= self._read_anew(name)
        return self._read[name]

    def _read_anew(self, name: str, every_column: bool = False) -> dict[str, Table]:
        """The rows of a split, and of the others that are in the same files."""
        owner = "train" if self.data.source is not None else name
        table = self._checked(self._source(owner, every_column).read(self.root))
        return {name: table} if self.data.source is None else self._divided(table)

    def _source(self, owner: str, every_column: bool = False) -> Source:
        """The source of a split, of which no more is read than is used."""
        source = self.data.sources()[owner]
        stratify = self.data.split.stratify if self.data.split is not None else False
        return (
            source if every_column else source.only(self.data.features, [stratify] if isinstance(stratify, str) else [])
        )

    def _divided(self, table: Table) -> dict[str, Table]:
        if self.data.split is None:
            return {"train": table}
        parts = self.data.split.parts(table, self.seed, self.data.training_source.ordered)
        return {name: table.select(rows) for name, rows in parts.items()}

    def _checked(self, table: Table) -> Table:
        """Notes where the rows are from. Raises DataError where there are none, or the file is another now."""
        self._note(table.files, table.skipped)
        if not len(table):
            raise DataError(f"{', '.join(table.rows.files)}: has no examples")
        return table

    def _note(self, files: dict[str, str], skipped: Sequence[str]) -> None:
        """Keeps the files' fingerprints and what was left out of them. Raises DataError for a file changed since the
        model learned from it."""
        known = set(self.skipped)
        self.skipped += [message for message in skipped if message not in known]
        for file, digest in files.items():
            if self.fingerprints.setdefault(file, digest) != digest:
                raise DataError(
                    f"{file} has changed since the model was trained on it, so its splits would be others; "
                    "put the file back, train anew, or give the new file by itself (--data, --input)"
                )

    def learn(self) -> None:
        """Learn from the training split alone."""
        if (streamed := self._streamed("train")) is not None:
            self._learn_streamed(streamed)
        else:
            self._learn_kept(self._rows("train"))

    def _learn_kept(self, rows: Table) -> None:
        """From rows that are in memory."""
        source = self.data.training_source
        self._learned["source"] = source.learn(rows)
        table = source.examples(rows, self._learned["source"], floatx=self.floatx)
        features = sorted(self.data.features) or table.features
        self._learned["columns"] = {"features": features, "labels": table.labels, "weight": table.weight}
        self._learned["labels"] = learn_labels(table)
        self._learned["features"] = self._feature_space.learn([table]) if self.data.features else {}
        self._learned["stages"] = {}
        examples = self._pipeline.filtered(self._encoded(table))
        pipeline = self._pipeline.learn(examples)
        self._learned["stages"] = {str(i): learned for i, learned in pipeline.learned.items()}
        self.train = Split(examples, pipeline)
        self._read.pop("train")
        self._learn_arrays(examples)

    def _learn_streamed(self, rows: StreamedRows) -> None:
        """The same in passes over rows that are not kept."""
        table = next(rows.tables("train"))
        self._learned["source"] = {}
        features = sorted(self.data.features) or table.features
        self._learned["columns"] = {"features": features, "labels": table.labels, "weight": table.weight}
        self._learned["labels"], self._learned["features"] = rows.learn(self._feature_space)
        self._learned["stages"] = {}
        pipeline = self._pipeline.learn_from(lambda before: self._streamed_split(rows, before, "train").batches())
        self._learned["stages"] = {str(i): learned for i, learned in pipeline.learned.items()}
        self.train = self._streamed_split(rows, pipeline, "train")
        self._learn_arrays(self.train.sample)

    def _learn_arrays(self, examples: Batch) -> None:
        """What the pipeline makes of an example."""
        sample, varying = self._pipeline.traced(examples)
        for kind, arrays in (("inputs", sample.inputs), ("targets", sample.targets)):
            self._learned[kind] = {n: {"shape": list(a.shape[1:]), "dtype": str(a.dtype)} for n, a in arrays.items()}
        for name, axis in varying:
            self._learned["inputs" if name in sample.inputs else "targets"][name]["shape"][axis] = None

    @property
    def inputs(self) -> dict[str, ArraySpec]:
        return {name: ArraySpec(tuple(s["shape"]), s["dtype"]) for name, s in self._learned["inputs"].items()}

    @property
    def targets(self) -> dict[str, ArraySpec]:
        return {name: ArraySpec(tuple(s["shape"]), s["dtype"]) for name, s in self._learned["targets"].items()}

    @property
    def class_names(self) -> dict[str, list[str]]:
        return self._learned["labels"] | self.data.training_source.target_names(self._learned["source"])

    def save(self, directory: Path, write: Callable[[Path, bytes], None] = persist.write_plainly) -> None:
        """Write what raw inputs need to become model inputs, a file at a time by `write`."""
        content = self._learned | {"floatx": self.floatx, "fingerprints": self.fingerprints}
        persist.save(content, directory, write)

    def _aligned(self, table: Table) -> Table:
        """The table with its columns named and ordered as the training split's."""
        known = self._learned["columns"]
        features = _names_for(table, table.features, known["features"])
        labels = _names_for(table, table.labels, known["labels"]) if table.labels else {}
        columns = table.columns | {new: table.columns[old] for new, old in (features | labels).items()}
        return replace(table, columns=columns, features=list(features), labels=list(labels))

    def _encoded(self, table: Table) -> Batch:
        self._refuse_uneven(table)
        targets = encode_labels(table, self._learned["labels"], self.floatx)
        return Batch(self._inputs_of(table), targets, encode_weights(table, self.floatx))

    def _refuse_uneven(self, table: Table) -> None:
        """Raises DataError for lists of different lengths that no stage fills up."""
        if any(isinstance(stage, Filling) for stage in self.data.pipeline):
            return
        for name in [*(self.data.features or table.features), *table.labels]:
            column = table.columns.get(name)
            if column is not None and is_uneven(column):
                other = next(i for i, array in enumerate(column) if array.shape != column[0].shape)
                raise DataError(
                    f"{table.where(other, name)}: has {len(column[other])} values, the first row has {len(column[0])}; "
                    "`padded_batch` or `bucket_by_sequence_length` in place of `batch` fill up lists of different "
                    "lengths"
                )

    def _inputs_of(self, table: Table) -> dict[str, np.ndarray]:
        if self.data.features:
            return self._feature_space.encode(table, self._learned["features"])
        if table.tabular:
            return concatenate_numbers(table, self.floatx)
        arrays = {name: table.columns[name] for name in table.features}
        return {name: in_floats(array, self.floatx) for name, array in arrays.items()}

    @cached_property
    def _feature_space(self) -> FeatureSpace:
        return FeatureSpace(self.data.features, self.data.crosses, self.data.output_mode, self.floatx)

    @property
    def _pipeline(self) -> Pipeline:
        columns = self._learned["columns"]
        context = Context(
            "data.pipeline",
            self.root,
            self.seed,
            self.floatx,
            labelled=bool(columns["labels"]),
            weighted=columns["weight"] is not None,
        )
        return Pipeline(self.data.pipeline, context, {int(i): s for i, s in self._learned["stages"].items()})


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """A mapping and all those within it."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _mappings(item)


def _names_for(table: Table, names: list[str], known: list[str]) -> dict[str, str]:
    """{the training split's name: the name in `table`}: the same names where it has them, else in order."""
    if all(name in table.columns for name in known):
        return {name: name for name in known}
    if table.tabular or len(names) != len(known):
        absent = next(name for name in known if name not in table.columns)
        hint = nearest(absent, table.columns) or f"it has: {', '.join(table.columns)}"
        raise DataError(f"{table.rows.files[0]}: has no column {absent!r}, which the training split has; {hint}")
    return dict(zip(known, names, strict=True))


def prepare(data: DataSpec, root: Path, seed: int = 0, floatx: str = "float32") -> PreparedData:
    """Read the data, divide it, and learn from the training split alone.

    `root`: the spec's folder, which relative paths are below and where the user's modules are looked for first.
    `floatx`: the dtype of floating-point inputs, targets and weights. Raises DataError.
    """
    prepared = PreparedData(data, Path(root), seed, floatx, {})
    prepared.learn()
    for name in ("validation", "test"):
        getattr(prepared, name)  # read now, so that what is wrong with it shows before training does
    return prepared


def restore(data: DataSpec, root: Path, seed: int, directory: Path) -> PreparedData:
    """The data as it was prepared, from what `PreparedData.save` wrote: nothing is learned anew, and no data file is
    read before a split is asked for.

    Raises DataError where the directory is damaged, and later for a data file that has changed.
    """
    learned = persist.load(Path(directory))
    floatx = learned.pop("floatx", "float32")
    return PreparedData(data, Path(root), seed, floatx, learned)
