"""Network: the model that a spec describes, its layers wired by name."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tfcli.declare import FieldError, Path, Problem, nearest
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph.ir import Graph, scoped
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.preprocessing.learning import Learned
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DataError, DtypeError, ShapeError, SpecError
from tfcli.models.layers.base import Layer, Weight, building, calling, settings
from tfcli.models.layers.containers import Block, Residual
from tfcli.models.layers.learned import Adapting, refuse_held_learners
from tfcli.models.layers.merging import Add
from tfcli.models.layers.policy import as_policy
from tfcli.models.spec import InputSpec, ModelSpec

Examples = Callable[[], Iterable[Mapping[str, Any]]]
"""Begins a pass over the training examples: batches of a network's inputs by name."""


class ModelError(SpecError):
    """The model cannot be built; `problems` say where in the spec and why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


@dataclass
class Step:
    """One layer's turn: it reads `sources` and its output is known as `path`."""

    layer: Layer
    sources: list[str]
    path: str
    place: Path
    """Where the layer stands in the spec."""
    spec: TensorSpec | None = None
    """Its output, once built."""


@dataclass
class _Scope:
    """The names that a layer may read: those of its own stack, then those around it."""

    prefix: str
    names: dict[str, str]
    outer: "_Scope | None" = None
    counts: Counter[str] = field(default_factory=Counter)

    def find(self, name: str) -> str | None:
        if name in self.names:
            return self.names[name]
        return self.outer.find(name) if self.outer else None

    def known(self) -> list[str]:
        return [*self.names, *(self.outer.known() if self.outer else [])]


class Network:
    """A model built from its spec for inputs of known shape.

    `network({"image": x}, training=True)` gives the outputs by name. Layers that learn before training take what was
    `learned` by their paths, else they adapt to the `examples`. Raises ModelError for names that do not exist, layers
    that nothing reads, and shapes that do not fit, each with its place in the spec.
    """

    def __init__(
        self,
        spec: ModelSpec,
        inputs: Mapping[str, TensorSpec],
        seed: int = 0,
        floatx: str = "float32",
        examples: Examples | None = None,
        learned: Mapping[str, Learned] | None = None,
    ) -> None:
        self.policy = as_policy(floatx)
        self.floatx = self.policy.dtype
        self._examples = examples
        self._problems: list[Problem] = []
        self.inputs = self._match_inputs(spec.inputs, inputs)
        self.steps: list[Step] = []
        self._paths: dict[str, str] = {name: name for name in self.inputs}
        last = self._stack(spec.layers, next(iter(self.inputs), ""), _Scope("", dict(self._paths)), ("model", "layers"))
        self.outputs = self._find_outputs(spec.outputs, last)
        if not self._problems:
            self._refuse_unread()
        self._raise_problems()
        self._take(learned or {})
        self._build(seed)

    def _take(self, learned: Mapping[str, Learned]) -> None:
        """What was learned before, for the layers that learned it."""
        for step in self.steps:
            if isinstance(step.layer, Adapting) and step.path in learned:
                step.layer.take(learned[step.path])

    def learned(self) -> dict[str, Learned]:
        """What layers learned before training, by their paths."""
        layers = [layer for layer in self.layers if isinstance(layer, Adapting)]
        return {layer.path: layer.state for layer in layers if layer.state is not None}

    def _match_inputs(
        self, declared: dict[str, InputSpec] | None, given: Mapping[str, TensorSpec]
    ) -> dict[str, TensorSpec]:
        """The model's inputs: those declared, matched to the data's by name, else in order; without any, the data's
        own."""
        self.sources = {name: name for name in given}
        """Which of the data's inputs each model input reads."""
        if not declared:
            return {n: TensorSpec(s.shape, as_dtype(self._dtype(None, s)), n) for n, s in given.items()}
        if len(declared) != len(given):
            own, theirs = (f"{len(names)} ({', '.join(names)})" for names in (declared, given))
            message = f"the number of inputs differs: the model has {own}, the data {theirs}"
            self._problems.append(Problem(("model", "inputs"), message, at_key=True))
            self._raise_problems()
        if set(declared) != set(given):
            self.sources = dict(zip(declared, given, strict=True))
        matched = {}
        for name, item in declared.items():
            data = given[self.sources[name]]
            shape = Shape((None, *item.shape))
            if not _compatible(shape, data.shape):
                message = f"`{name}` is declared {show_shape(shape[1:])}, its data are {show_shape(data.shape[1:])}"
                self._problems.append(Problem(("model", "inputs", name, "shape"), message))
            matched[name] = TensorSpec(shape, as_dtype(self._dtype(item.dtype, data)), name)
        return matched

    def _dtype(self, declared: str | None, data: TensorSpec) -> str:
        wanted = as_dtype(declared or data.dtype)
        return self.floatx if wanted.is_floating and declared in (None, "float32") else wanted.name

    def _stack(self, layers: Sequence[Layer], source: str, scope: _Scope, place: Path) -> str:
        """Add the steps of a stack that reads `source`; the path of its last output."""
        for i, layer in enumerate(layers):
            source = self._add(layer, source, scope, (*place, i))
        return source

    def _add(self, layer: Layer, source: str, scope: _Scope, place: Path) -> str:
        name = self._name(layer, scope, place)
        path = scope.prefix + name
        sources = self._sources(layer, source, scope, place)
        if isinstance(layer, Block):
            output = self._add_block(layer, sources, path, scope, place)
        else:
            output = path
            clone = layer.clone()
            clone.path = path
            self.steps.append(Step(clone, sources, path, place))
        scope.names[name] = output
        self._paths[path] = output
        return output

    def _add_block(self, block: Block, sources: list[str], path: str, scope: _Scope, place: Path) -> str:
        if len(sources) != 1:
            self._problems.append(
                Problem((*place, "inputs"), f"a {block.type_name} reads one input, got {len(sources)}")
            )
        output = sources[0]
        for i in range(block.repeat or 1):
            prefix = f"{path}/" if block.repeat is None else f"{path}/{i}/"
            start = output
            output = self._stack(block.layers, start, _Scope(prefix, {}, scope), (*place, "layers"))
            if isinstance(block, Residual):
                join = Add()
                join.path = f"{prefix}add"
                total = f"{prefix}(residual)"
                self.steps.append(Step(join, [start, output], total, place))
                output = total
        return output

    def _name(self, layer: Layer, scope: _Scope, place: Path) -> str:
        """The layer's own name, or its type, numbered within the stack from the second on."""
        if layer.name is None:
            count = scope.counts[layer.type_name]
            scope.counts[layer.type_name] += 1
            name = layer.type_name if count == 0 else f"{layer.type_name}_{count}"
        else:
            name = layer.name
            if "/" in name or not name:
                self._problems.append(Problem((*place, "name"), f"a layer's name cannot be {name!r}", "leave out `/`"))
        if name in scope.names:
            at = (*place, "name") if layer.name else place
            self._problems.append(
                Problem(at, f"there are two layers (or inputs) called `{name}`", "give one another `name`")
            )
        return name

    def _sources(self, layer: Layer, before: str, scope: _Scope, place: Path) -> list[str]:
        if layer.inputs is None:
            return [before]
        wanted = [layer.inputs] if isinstance(layer.inputs, str) else layer.inputs
        found = []
        for i, name in enumerate(wanted):
            path = scope.find(name) or self._paths.get(name)
            if path is None:
                at = (*place, "inputs") if isinstance(layer.inputs, str) else (*place, "inputs", i)
                hint = nearest(name, scope.known()) or f"known so far: {', '.join(scope.known())}"
                self._problems.append(Problem(at, f"no layer or model input above is called `{name}`", hint))
            found.append(path or before)
        if len(found) > 1 and not layer.many_inputs and not isinstance(layer, Block):
            message = f"a {layer.type_name} layer reads one input, got {len(found)}"
            self._problems.append(
                Problem((*place, "inputs"), message, "join them with a `concatenate` or `add` layer first")
            )
        return found or [before]

    def _find_outputs(self, wanted: list[str] | str | None, last: str) -> dict[str, str]:
        """Output name -> path. A name that is no layer's is a problem."""
        if wanted is None:
            return (
                {self.steps[-1].path if not last.endswith("(residual)") else last.rsplit("/", 1)[0]: last}
                if self.steps
                else {}
            )
        names = [wanted] if isinstance(wanted, str) else wanted
        for i, name in enumerate(names):
            if name not in self._paths:
                at = ("model", "outputs") if isinstance(wanted, str) else ("model", "outputs", i)
                hint = nearest(name, self._paths) or f"there are: {', '.join(self._paths)}"
                self._problems.append(Problem(at, f"no layer is called `{name}`", hint))
        return {name: self._paths.get(name, last) for name in names}

    def _refuse_unread(self) -> None:
        read = {source for step in self.steps for source in step.sources} | set(self.outputs.values())
        for step in self.steps:
            if step.path not in read:
                message = f"nothing reads the output of `{step.path}`, so it has no effect"
                self._problems.append(
                    Problem(step.place, message, "name it in another layer's `inputs` or in `outputs`, or remove it")
                )
        for name in self.inputs:
            if name not in read:
                hint = "name it in a layer's `inputs`, or leave it out of the data's `features`"
                self._problems.append(
                    Problem(("model", "inputs", name), f"no layer reads the input `{name}`", hint, at_key=True)
                )

    def _raise_problems(self) -> None:
        if self._problems:
            raise ModelError(self._problems)

    def _build(self, seed: int) -> None:
        """Run the layers on symbols of the inputs' shapes: makes the weights, and finds shapes that do not fit."""
        graph = Graph("build")
        with tracing(graph), recording([]), building(seed, self.policy.name), calling(False):
            symbols: dict[str, Tensor] = {name: graph.placeholder(spec) for name, spec in self.inputs.items()}
            waiting = self.steps
            while waiting:
                waiting = [step for step in waiting if not self._made(step, symbols)]
                learners = [step for step in waiting if all(source in symbols for source in step.sources)]
                if learners:
                    self._adapt(learners, [step for step in self.steps if step not in waiting])
        self.output_specs = {name: symbols[path].spec for name, path in self.outputs.items()}
        self._check_weight_names()

    def _made(self, step: Step, symbols: dict[str, Tensor]) -> bool:
        """Build a step, unless it has to learn first, or reads one that has."""
        needs_data = self._examples is not None and isinstance(step.layer, Adapting) and step.layer.needs_data
        if needs_data or any(source not in symbols for source in step.sources):
            return False
        with self._located(step):
            if self._examples is not None:
                refuse_held_learners(step.layer)
            self._run(step, symbols)
        step.spec = symbols[step.path].spec
        return True

    @contextmanager
    def _located(self, step: Step) -> Iterator[None]:
        """Errors raised inside are shown at the step's place in the spec."""
        try:
            yield
        except FieldError as error:
            raise ModelError([Problem((*step.place, *error.path), error.message, error.suggestion)]) from error
        except (ShapeError, DtypeError, DataError, SpecError) as error:
            hint = self._texts_to(step) or self._way_to(step)
            raise ModelError([Problem(step.place, str(error), hint)]) from error

    def _adapt(self, learners: list[Step], built: list[Step]) -> None:
        """Show layers the training examples, as the built steps make them, in one pass for all of the layers."""
        assert self._examples is not None, "without examples nothing waits for them"
        before = self._before(learners, built)
        for batch in self._examples():
            with tracing(None):
                values = {name: self._input(name, spec, batch) for name, spec in self.inputs.items()}
                for step in before:
                    self._run(step, values)
            for learner in learners:
                with self._located(learner):
                    learner.layer.update_state(values[learner.sources[0]])  # type: ignore[attr-defined]
        for learner in learners:
            with self._located(learner):
                learner.layer.finalize_state()  # type: ignore[attr-defined]

    def _before(self, learners: list[Step], built: list[Step]) -> list[Step]:
        """The built steps that the learners depend on, in order. Raises ModelError for one that training changes."""
        wanted = {source for step in learners for source in step.sources}
        before: list[Step] = []
        for step in reversed(built):
            if step.path in wanted:
                wanted.update(step.sources)
                before.insert(0, step)
        for step in before:
            if step.layer.trainable_weights:
                message = f"learns before training from what `{step.path}` makes, which training changes"
                raise ModelError([Problem(learners[0].place, message, f"put it before `{step.path}`")])
        return before

    def _texts_to(self, failed: Step) -> str | None:
        """What to do with texts that reach a layer for numbers, if it is that."""
        specs = self.inputs | {step.path: step.spec for step in self.steps if step.spec is not None}
        texts = [source for source in failed.sources if source in specs and specs[source].dtype == "string"]
        if not texts or isinstance(failed.layer, Adapting):
            return None
        return (
            f"`{texts[0]}` is texts; a `text_vectorization` or `string_lookup` layer (or stage) makes numbers of them"
        )

    def _way_to(self, failed: Step) -> str:
        """The shapes on the way to a layer, for its error message."""
        lines = [f"{name} {show_shape(spec.shape)}" for name, spec in self.inputs.items()]
        for step in self.steps[: self.steps.index(failed)]:
            if step.spec is None:
                continue
            lines.append(f"{step.path} {show_shape(step.spec.shape)}")
        return "the shapes on the way: " + " → ".join(lines[-6:])

    def _check_weight_names(self) -> None:
        twice = [path for path, count in Counter(w.path for w in self.weights).items() if count > 1]
        assert not twice, f"weights with one path: {twice}"

    def _run(self, step: Step, values: dict[str, Tensor]) -> None:
        sources = [values[source] for source in step.sources]
        with scoped(step.path):
            output = step.layer(sources if len(sources) > 1 else sources[0])
        if not isinstance(output, Tensor):
            raise ShapeError(
                f"{step.path} ({step.layer.type_name}) gives {len(output)} outputs, a spec's layer gives one"
            )
        values[step.path] = output

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Tensor]:
        """The outputs by name. `inputs` hold a batch for each model input."""
        values = self._values(inputs, training)
        return {name: values[path] for name, path in self.outputs.items()}

    def activations(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Every layer's output by its path."""
        values = self._values(inputs, training=False)
        return {step.path: values[step.path] for step in self.steps}

    def _values(self, inputs: Mapping[str, Any], training: bool) -> dict[str, Tensor]:
        values = {name: self._input(name, spec, inputs) for name, spec in self.inputs.items()}
        before, settings.training = settings.training, training
        policy, settings.policy = settings.policy, self.policy
        try:
            for step in self.steps:
                self._run(step, values)
        finally:
            settings.training, settings.policy = before, policy
        return values

    def _input(self, name: str, spec: TensorSpec, inputs: Mapping[str, Any]) -> Tensor:
        tensor = convert_to_tensor(inputs[name])
        if not _compatible(spec.shape, tensor.shape):
            raise ShapeError(
                f"the input `{name}` is {show_shape(tensor.shape[1:])}, the model reads {show_shape(spec.shape[1:])}"
            )
        return cast(tensor, spec.dtype) if spec.dtype != "string" else tensor

    @property
    def layers(self) -> list[Layer]:
        return [step.layer for step in self.steps]

    @property
    def weights(self) -> list[Weight]:
        return [w for layer in self.layers for w in layer.weights]

    @property
    def trainable_weights(self) -> list[Weight]:
        return [w for layer in self.layers for w in layer.trainable_weights]

    def count_params(self) -> int:
        return sum(w.array.size for w in self.weights)

    def load_weights(self, arrays: Mapping[str, Any], origin: str) -> None:
        """Set every weight by its path. Raises SpecError naming what is missing, unknown or of another shape."""
        own = {w.path: w for w in self.weights}
        lines = [f"{path} is missing" for path in own.keys() - arrays.keys()]
        lines += [f"{path} is no weight of this model" for path in arrays.keys() - own.keys()]
        for path in own.keys() & arrays.keys():
            if tuple(own[path].shape) != arrays[path].shape:
                lines.append(
                    f"{path} has the shape {show_shape(arrays[path].shape)}, the model {show_shape(own[path].shape)}"
                )
        if lines:
            shown = "\n  ".join(sorted(lines)[:10])
            raise SpecError(f"the weights of {origin} do not fit the model:\n  {shown}")
        for path, weight in own.items():
            weight.assign(convert_to_tensor(arrays[path].astype(weight.dtype.numpy)))


def _compatible(declared: Sequence[int | None], given: Sequence[int | None]) -> bool:
    return len(declared) == len(given) and all(
        d is None or g is None or d == g for d, g in zip(declared, given, strict=True)
    )
