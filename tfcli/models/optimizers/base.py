"""Optimizer: a pure rule for one variable, and around it decay, clipping, accumulation, averages, constraints."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import numpy as np

from tfcli.declare import Declared, FieldError, NonNegativeFloat, PositiveFloat, PositiveInt, Probability, Range
from tfcli.engine.dispatch import assign_rows, init_scope, tracing
from tfcli.engine.indexed_slices import IndexedSlices
from tfcli.engine.module import restore_awaiting
from tfcli.engine.ops.comparison import equal, not_equal
from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import (
    cast,
    clip_by_value,
    maximum,
    minimum,
    square,
    where,
)
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.rows import summed_rows
from tfcli.engine.tensor import Tensor, Variable
from tfcli.errors import SpecError, TfcliError, TrainingError
from tfcli.models.optimizers.scaling import LossScaling
from tfcli.models.schedules import Schedule

Slots = dict[str, Tensor]
_LARGE = 1 << 16
"""Entries of a table from which on only the rows that occurred are updated, where that is the same; below it, finding
them takes longer than updating all."""


class Optimizer(Declared, kind="optimizer"):
    """Base of the optimizers. A subclass lists its fields and `slot_names`, and defines `update`."""

    common_last = True

    learning_rate: NonNegativeFloat | Schedule = 0.001
    weight_decay: NonNegativeFloat | None = None
    """Before each update every variable shrinks by this times the learning rate."""
    clipnorm: PositiveFloat | None = None
    """The most that the norm of one variable's gradient can be."""
    clipvalue: PositiveFloat | None = None
    """The most that an entry of a gradient can be, either way."""
    global_clipnorm: PositiveFloat | None = None
    """The most that the norm of all gradients together can be."""
    use_ema: bool = False
    """Keep a moving average of every variable, which replaces it at the end of training."""
    ema_momentum: Probability = 0.99
    ema_overwrite_frequency: PositiveInt | None = None
    """Replace the variables by their averages every so many updates, too."""
    loss_scale_factor: PositiveFloat | None = None
    """The loss is multiplied by it before its gradients are taken, which are divided by it again."""
    gradient_accumulation_steps: Annotated[int, Range(low=2)] | None = None
    """Update once in so many steps, with the mean of their gradients."""

    built = False
    _declared_rate: Any = None
    _warm_up: Any = None
    _scaling: LossScaling | None = None
    _finite: Tensor | None = None
    """During a step with loss scaling: whether it counts."""

    def __init__(self, *args: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name or self.type_name
        self._begin()

    def check(self):
        given = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, name) is not None]
        if len(given) > 1:
            raise FieldError(given[1], f"`{given[0]}` is given too", "clip in one way")

    def update(
        self, variable: Tensor, gradient: Tensor, slots: Slots, learning_rate: Tensor, step: Tensor
    ) -> tuple[Tensor, Slots]:
        """The new variable and slots. All floats of the variable's dtype; `step` is 1 in the first update."""
        raise SpecError(f"the optimizer `{self.type_name}` does not define update(…)")

    @property
    def slot_names(self) -> tuple[str, ...]:
        """What is kept for each variable, in its shape."""
        return ()

    def initial_slots(self, variable: Variable) -> dict[str, np.ndarray]:
        return {name: np.zeros_like(variable.array) for name in self.slot_names}

    def decay_of(self, variable: Variable) -> float | None:
        """The weight decay of this variable."""
        return self.weight_decay

    def _begin(self) -> None:
        """Make the step counter and, unless a schedule rules it, the learning rate a variable."""
        if "iterations" in self.__dict__:
            return
        self.variables: dict[str, Variable] = {}
        with tracing(None):  # they hold their values at once, in a session's graph as well
            self.iterations = self._add("iterations", np.zeros((), np.int64))
            self._declared_rate = self.learning_rate
            if not isinstance(self.learning_rate, Schedule):
                self.__dict__["learning_rate"] = self._add("learning_rate", np.asarray(self.learning_rate, np.float32))

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots, once."""
        if self.built:
            return
        self._begin()
        self.trained = list(variables)
        with init_scope():
            self._slots = {id(v): self._add_slots(v) for v in self.trained}
        self.__dict__["built"] = True
        restore_awaiting()

    def _add(self, name: str, value: np.ndarray) -> Variable:
        unique, count = f"{self.type_name}/{name}", 1
        while unique in self.variables:
            unique, count = f"{self.type_name}/{name}_{count}", count + 1
        self.variables[unique] = Variable(value, trainable=False, name=unique)
        return self.variables[unique]

    def _add_slots(self, variable: Variable) -> dict[str, Variable]:
        values = self.initial_slots(variable)
        if self.use_ema:
            values["average"] = np.zeros_like(variable.array)
        if self.gradient_accumulation_steps:
            values["gradient_accumulator"] = np.zeros_like(variable.array)
        path = getattr(variable, "path", variable.name)
        return {name: self._add(f"{name}/{path}", value) for name, value in values.items()}

    def __setattr__(self, name: str, value: Any) -> None:
        """Setting `learning_rate` sets the variable, also while training, unless a schedule rules it."""
        if name == "learning_rate" and self._declared_rate is not None:
            if isinstance(self.learning_rate, Schedule):
                raise TfcliError("this optimizer's learning rate follows a schedule; it cannot be set")
            self.__dict__["_declared_rate"] = float(np.asarray(value))
            self.learning_rate.assign(np.asarray(value, np.float32))  # type: ignore[union-attr,attr-defined]
            return
        super().__setattr__(name, value)

    def spec(self) -> dict[str, Any]:
        if self._declared_rate is None:
            return super().spec()
        declared = type(self).__new__(type(self))
        declared.__dict__.update({name: getattr(self, name) for name in self.fields()})
        declared.__dict__["learning_rate"] = self._declared_rate
        return declared.spec()

    get_config = spec

    def current_learning_rate(self) -> Tensor:
        """The learning rate of the next step, float32 of shape ()."""
        step = self.iterations.value()
        factor = 1.0 if self._warm_up is None else self._warm_up(step)
        if isinstance(self.learning_rate, Schedule):
            return cast(self.learning_rate(step), "float32") * factor
        return self.learning_rate.value() * factor  # type: ignore[union-attr,attr-defined]

    def set_warm_up(self, factor: Callable[[Tensor], Tensor]) -> None:
        """From now on the learning rate of a step is multiplied by the factor for it, whatever rules it."""
        self._warm_up = factor

    def scale_dynamically(self) -> None:
        """From now on losses are scaled, as mixed_float16 needs it: see LossScaling."""
        if self._scaling is None:
            self._begin()
            self.__dict__["_scaling"] = LossScaling(self._add)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss to take gradients of."""
        loss = loss if self.loss_scale_factor is None else loss * self.loss_scale_factor
        return loss if self._scaling is None else loss * cast(self._scaling.scale.value(), loss.dtype)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """`apply` for pairs of gradient (a tensor, tf.IndexedSlices or None) and variable."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def apply(self, gradients: Sequence[Tensor | None], variables: Sequence[Variable] | None = None) -> None:
        """One step; a variable whose gradient is None stays as it is. Raises TrainingError where all are None."""
        if variables is not None:
            self.build(variables)
        elif not self.built:
            raise TfcliError(f"{self.type_name}: call build(variables), or give apply the variables too")
        pairs = list(zip(gradients, self.trained if variables is None else variables, strict=True))
        unknown = [v.name for _, v in pairs if id(v) not in self._slots]
        if unknown:
            raise TfcliError(f"{self.type_name}: `{unknown[0]}` is not among the variables that it was built with")
        used = [(g if self._goes_by_rows(g, v) else cast(g, v.dtype), v) for g, v in pairs if g is not None]
        if not used:
            raise TrainingError("no variable has a gradient: the loss does not depend on any trainable weight")
        found: list[Any] = [g for g, _ in used]
        if self._scaling is not None:
            found, self.__dict__["_finite"] = self._scaling.judge(found)
        self._step(found, [v for _, v in used])
        self._set(self.iterations, self.iterations.value() + np.int64(1))
        self.__dict__["_finite"] = None

    def _set(self, variable: Variable, value: Tensor) -> None:
        """Assign, in a step that counts."""
        variable.assign(value if self._finite is None else where(self._finite, value, variable.value()))

    @property
    def leaves_rows(self) -> bool:
        """Whether entries whose gradient is 0 stay as they are, and their slots with them."""
        return False

    def _goes_by_rows(self, gradient: Any, variable: Variable) -> bool:
        """Whether to touch only the rows of a table that occurred, to the same result."""
        if not isinstance(gradient, IndexedSlices) or not self.leaves_rows or gradient.dtype != variable.dtype:
            return False
        about_all = [self.clipnorm, self.clipvalue, self.global_clipnorm, self.loss_scale_factor]
        about_all += [self.gradient_accumulation_steps, self.decay_of(variable), getattr(variable, "constraint", None)]
        large = (variable.shape.num_elements() or 0) >= _LARGE
        return large and not self.use_ema and all(setting is None for setting in (*about_all, self._scaling))

    def _update_rows(self, variable: Variable, gradient: IndexedSlices, rate: Tensor, iterations: Tensor) -> None:
        rows, sums = summed_rows(gradient)
        slots = self._slots[id(variable)]
        before = {name: gather(slot, rows) for name, slot in slots.items()}
        rate, step = cast(rate, variable.dtype), cast(iterations + 1, variable.dtype)
        value, changed = self.update(gather(variable, rows), sums, before, rate, step)
        assign_rows(variable, rows, value)
        for name, slot in slots.items():
            assign_rows(slot, rows, changed[name])

    def _step(self, gradients: list[Tensor], variables: list[Variable]) -> None:
        iterations, updating = self.iterations.value(), None
        if self.loss_scale_factor is not None:
            gradients = [g / self.loss_scale_factor for g in gradients]
        if self.gradient_accumulation_steps:
            updating = equal((iterations + 1) % self.gradient_accumulation_steps, 0)
            gradients = self._accumulate(gradients, variables, updating)
            iterations = iterations // self.gradient_accumulation_steps
        rate = self.current_learning_rate()
        for gradient, variable in zip(self._clip(gradients), variables, strict=True):
            if isinstance(gradient, IndexedSlices):
                self._update_rows(variable, gradient, rate, iterations)
                continue
            self._update_variable(variable, gradient, rate, iterations, updating)
        if self.use_ema:
            self._average(iterations)
        for variable in variables:
            constraint = getattr(variable, "constraint", None)
            if constraint is not None:
                self._set(variable, constraint(variable.value()))

    def _accumulate(self, gradients: list[Tensor], variables: list[Variable], updating: Tensor) -> list[Tensor]:
        """The means of the gradients since the last update, counting from zero again where one is due now."""
        means = []
        for gradient, variable in zip(gradients, variables, strict=True):
            kept = self._slots[id(variable)]["gradient_accumulator"]
            total = kept.value() + gradient
            self._set(kept, where(updating, 0.0, total))
            means.append(total / self.gradient_accumulation_steps)
        return means

    def _clip(self, gradients: list[Tensor]) -> list[Tensor]:
        if self.clipnorm is not None:
            norms = [sqrt(reduce_sum(square(g))) for g in gradients]
            return [g * self.clipnorm / maximum(n, self.clipnorm) for g, n in zip(gradients, norms, strict=True)]
        if self.global_clipnorm is not None:
            norm = sqrt(sum(cast(reduce_sum(square(g)), gradients[0].dtype) for g in gradients))
            # norm - norm is NaN for an infinite norm, so that it shows instead of turning gradients into zeros.
            scale = self.global_clipnorm * minimum(1.0 / norm, 1.0 / self.global_clipnorm) + (norm - norm)
            return [g * cast(scale, g.dtype) for g in gradients]
        if self.clipvalue is not None:
            return [clip_by_value(g, -self.clipvalue, self.clipvalue) for g in gradients]
        return gradients

    def _update_variable(
        self, variable: Variable, gradient: Tensor, rate: Tensor, iterations: Tensor, updating: Tensor | None
    ) -> None:
        value = variable.value()
        kept = {n: s for n, s in self._slots[id(variable)].items() if n not in ("average", "gradient_accumulator")}
        slots = {name: slot.value() for name, slot in kept.items()}
        before = {variable: value} | {slot: slots[name] for name, slot in kept.items()}
        rate = cast(rate, variable.dtype)
        decay = self.decay_of(variable)
        if decay is not None:
            value = value - value * decay * rate
        value, changed = self.update(value, gradient, slots, rate, cast(iterations + 1, variable.dtype))
        assert changed.keys() == slots.keys(), f"{self.type_name}.update gave the slots {set(changed)}"
        after = {variable: value} | {slot: changed[name] for name, slot in kept.items()}
        for condition in (updating, self._finite):
            if condition is not None:
                after = {v: where(condition, new, before[v]) for v, new in after.items()}
        # All is computed before anything is assigned, so that it is one kernel.
        for changing, new in after.items():
            changing.assign(new)

    def _average(self, iterations: Tensor) -> None:
        """Move the averages towards the variables (at first to them), and now and then the variables to them."""
        overwriting = None
        if self.ema_overwrite_frequency:
            overwriting = equal((iterations + 1) % self.ema_overwrite_frequency, 0)
        for variable in self.trained:
            average, value = self._slots[id(variable)]["average"], variable.value()
            momentum = cast(not_equal(iterations, 0), variable.dtype) * self.ema_momentum
            self._set(average, momentum * average.value() + (1.0 - momentum) * value)
            if overwriting is not None:
                self._set(variable, where(overwriting, average.value(), value))

    def swap_averages(self) -> None:
        """With `use_ema`: the averages in the variables' place, and these in theirs; a second time undoes it."""
        for variable in self.trained:
            average = self._slots[id(variable)]["average"]
            variable.array, average.array = average.array, variable.array

    def keep_as_averages(self) -> None:
        """With `use_ema`: what the variables are now takes the averages' place."""
        for variable in self.trained:
            self._slots[id(variable)]["average"].array = variable.array

    def finalize_variable_values(self) -> None:
        """At the end of training: with `use_ema` the averages become the variables."""
        if self.use_ema and self.built:
            for variable in self.trained:
                variable.assign(self._slots[id(variable)]["average"].value())
