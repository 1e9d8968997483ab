"""The `data:` part of an experiment spec."""

from typing import Literal

from tfcli.data import date_feature  # noqa: F401 - declares `date`
from tfcli.data.feature_space import Cross
from tfcli.data.features import Feature, IndexFeature
from tfcli.data.source import Source
from tfcli.data.sources.bundled import Bundled
from tfcli.data.sources.tabular import TabularSource
from tfcli.data.split import SplitSpec
from tfcli.data.stage import Arranging, Ordering, Stage
from tfcli.data.stages.filter import Filter
from tfcli.data.stages.groups import Batching, Unbatch
from tfcli.data.stages.map import Map
from tfcli.declare import Declared, FieldError, nearest


class PartSpec(Declared, name="split source"):
    """One split's own source."""

    source: Source


class DataSpec(Declared, name="data"):
    """What a model learns from, and how it becomes batches."""

    source: Source | None = None
    """One source for all splits; `split` says how it is divided."""
    split: SplitSpec | None = None
    """How much of the source is set aside for validation and test. Without it, all of it is the training split."""
    train: PartSpec | None = None
    """The training split's own source, instead of `source`."""
    validation: PartSpec | None = None
    test: PartSpec | None = None
    features: dict[str, Feature] = {}
    """Table columns as model inputs, in the words of Keras's FeatureSpace. Default: all numeric columns, as one
    vector."""
    crosses: list[Cross] = []
    """Features for combinations of features."""
    output_mode: Literal["concat", "dict"] = "concat"
    """concat: the features are one input vector, called `features`; dict: one model input a feature."""
    pipeline: list[Stage] = []
    """tf.data transformations and Keras preprocessing layers, in order."""

    @property
    def training_source(self) -> Source:
        part = self.source if self.train is None else self.train.source
        assert part is not None, "check sees to it that there is one"
        return part

    def sources(self) -> dict[str, Source]:
        """The source of each split that has its own; `{"train": source}` where there is one for all."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        own = {name: part.source for name, part in parts.items() if part is not None}
        return own or {"train": self.training_source}

    def check(self) -> None:
        self._check_sources()
        self._check_features()
        for i, stage in enumerate(self.pipeline):
            if isinstance(stage, Filter) and not all(isinstance(s, Filter) for s in self.pipeline[:i]):
                raise FieldError(("pipeline", i), "`filter` stands before all other stages", "move it to the front")
        self._check_groups()

    def _check_groups(self) -> None:
        """Stages see examples before `batch` and batches after it."""
        batched: int | None = None
        for i, stage in enumerate(self.pipeline):
            if isinstance(stage, Unbatch):
                if batched is None:
                    raise FieldError(("pipeline", i), "there are no batches to take apart here", "put it after `batch`")
                self._refuse_map(batched, i)
                batched = None
            elif isinstance(stage, Arranging) and not isinstance(stage, Ordering) and batched is not None:
                what = f"`{stage.type_name}` takes examples, and `{self.pipeline[batched].type_name}` has made batches"
                raise FieldError(("pipeline", i), what, "move it before that, or put `unbatch` between")
            elif isinstance(stage, Batching):
                batched = i

    def _refuse_map(self, first: int, end: int) -> None:
        for i in range(first, end):
            if isinstance(self.pipeline[i], Map):
                raise FieldError(("pipeline", i), "is called with batches that `unbatch` takes apart", "move it behind")

    def _check_sources(self) -> None:
        if self.source is not None:
            for name in ("train", "validation", "test"):
                if getattr(self, name) is not None:
                    raise FieldError(
                        name, "goes with a source each, not with `source`", "use `split` to divide `source`"
                    )
        elif self.train is None:
            raise FieldError("source", "data needs a `source`, or `train: {source: …}`")
        elif self.split is not None:
            raise FieldError("split", "divides `source`; here each split has its own", "remove `split`")

    def _check_features(self) -> None:
        if not self.features:
            if self.crosses:
                raise FieldError("crosses", "cross features, and there are no `features`")
            if self.output_mode == "dict":
                raise FieldError("output_mode", "dict has one model input a feature, and there are no `features`")
            return
        source = self.training_source
        if not isinstance(source, TabularSource | Bundled) or (isinstance(source, Bundled) and source.name == "digits"):
            raise FieldError("features", f"are columns of a table, and a `{source.type_name}` source has none")
        for i, cross in enumerate(self.crosses):
            self._check_cross(i, cross)
        if self.output_mode == "concat":
            self._check_encoded()

    def _check_cross(self, i: int, cross: Cross) -> None:
        if len(cross.features) < 2:
            raise FieldError(("crosses", i, "features"), "a cross needs at least two features")
        for j, name in enumerate(cross.features):
            if name not in self.features:
                hint = nearest(name, self.features)
                raise FieldError(("crosses", i, "features", j), f"there is no feature {name!r}", hint)
            if not isinstance(self.features[name], IndexFeature):
                raise FieldError(
                    ("crosses", i, "features", j),
                    f"{name!r} is a number; categories can be crossed",
                    "float_discretized",
                )

    def _check_encoded(self) -> None:
        message = "a number of a category cannot be part of one input vector"
        hint = "use `output_mode: one_hot` here, or `output_mode: dict` for all"
        for name, feature in self.features.items():
            if getattr(feature, "output_mode", None) == "int":
                raise FieldError(("features", name, "output_mode"), message, hint)
        for i, cross in enumerate(self.crosses):
            if cross.output_mode == "int":
                raise FieldError(("crosses", i, "output_mode"), message, hint)
