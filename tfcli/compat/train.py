"""`tf.compat.v1.train`: optimizers that add their updates to a graph, or take a step at once where execution is
eager.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfcli.compat.saver import Saver as Saver
from tfcli.compat.saver import checkpoint_exists as checkpoint_exists
from tfcli.compat.saver import latest_checkpoint as latest_checkpoint
from tfcli.engine.dispatch import state
from tfcli.engine.graph.ir import Assignment
from tfcli.engine.graph.session import SessionGraph, group, session_graph, trainable_variables
from tfcli.engine.ops.elementwise import cast, floor, pow_
from tfcli.engine.tape import GradientTape, gradients
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import TfcliError
from tfcli.models.optimizers.adam import Adam
from tfcli.models.optimizers.adaptive import Adagrad, RMSprop
from tfcli.models.optimizers.base import Optimizer as Rule
from tfcli.models.optimizers.descent import SGD


class Optimizer:
    """Base: a rule of `tf.keras.optimizers` under the names of TensorFlow 1. The learning rate may be a tensor of
    the graph. `use_locking` keeps threads from updating a variable at once; here one update never overlaps another,
    with it or without.
    """

    def __init__(self, rule: Rule, learning_rate: Any) -> None:
        self._rule, self._rate = rule, learning_rate

    def compute_gradients(
        self, loss: Any, var_list: Sequence[Variable] | None = None, grad_loss: Any = None
    ) -> list[tuple[Tensor | None, Variable]]:
        """Pairs of gradient (None where there is none) and variable; eagerly `loss` is a function. Raises
        TfcliError.
        """
        if isinstance(state.graph, SessionGraph):
            variables = list(trainable_variables() if var_list is None else var_list)
            return list(zip(gradients(loss, variables, grad_loss), variables, strict=True))
        if not callable(loss):
            raise TfcliError("where execution is eager, the loss must be a function without arguments")
        with GradientTape() as tape:
            value = loss()
        variables = list(tape.watched_variables() if var_list is None else var_list)
        return list(zip(tape.gradient(value, variables, grad_loss), variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Any:
        """An operation that takes one step, and adds 1 to `global_step`; eagerly the step itself."""
        pairs = [(g, v) for g, v in grads_and_vars if g is not None]
        if not isinstance(state.graph, SessionGraph):
            self._step(pairs, global_step)
            return None
        graph = session_graph("apply_gradients")
        start = len(graph.nodes)
        self._step(pairs, global_step)
        first = {id(node) for node in graph.initializers.values()}
        updates = [n for n in graph.nodes[start:] if isinstance(n.op, Assignment) and id(n) not in first]
        return group(updates, name=name or self._rule.type_name)

    def _step(self, pairs: list[tuple[Any, Variable]], global_step: Variable | None) -> None:
        self._rule.build([v for _, v in pairs])
        if not isinstance(self._rate, int | float):
            rate = self._rate() if callable(self._rate) else self._rate
            self._rule.variables[f"{self._rule.type_name}/learning_rate"].assign(convert_to_tensor(rate))
        self._rule.apply_gradients(pairs)
        if global_step is not None:
            global_step.assign_add(1)

    def minimize(
        self,
        loss: Any,
        global_step: Variable | None = None,
        var_list: Sequence[Variable] | None = None,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Any:
        """`apply_gradients` of `compute_gradients`. Raises TfcliError where no variable has a gradient."""
        return self.apply_gradients(self.compute_gradients(loss, var_list, grad_loss), global_step, name)

    def variables(self) -> list[Variable]:
        """The optimizer's own: slots, the step, the learning rate."""
        return list(self._rule.variables.values()) if self._rule.built else []


def _number(learning_rate: Any) -> float:
    """What the rule starts with; a tensor takes its place in every step."""
    return float(learning_rate) if isinstance(learning_rate, int | float) else 0.0


class GradientDescentOptimizer(Optimizer):
    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(SGD(learning_rate=_number(learning_rate)), learning_rate)


class MomentumOptimizer(Optimizer):
    def __init__(
        self,
        learning_rate: Any,
        momentum: float,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        rule = SGD(learning_rate=_number(learning_rate), momentum=momentum, nesterov=use_nesterov)
        super().__init__(rule, learning_rate)


class AdamOptimizer(Optimizer):
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        use_locking: bool = False,
    ) -> None:
        super().__init__(
            Adam(learning_rate=_number(learning_rate), beta_1=beta1, beta_2=beta2, epsilon=epsilon), learning_rate
        )


class AdagradOptimizer(Optimizer):
    def __init__(self, learning_rate: Any, initial_accumulator_value: float = 0.1, use_locking: bool = False) -> None:
        rule = Adagrad(
            learning_rate=_number(learning_rate), initial_accumulator_value=initial_accumulator_value, epsilon=0.0
        )
        super().__init__(rule, learning_rate)


class RMSPropOptimizer(Optimizer):
    """The mean of squares starts at 1, as in TensorFlow 1."""

    def __init__(
        self,
        learning_rate: Any,
        decay: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
    ) -> None:
        rule = RMSprop(
            learning_rate=_number(learning_rate), rho=decay, momentum=momentum, epsilon=epsilon, centered=centered
        )
        zeros = rule.initial_slots
        rule.__dict__["initial_slots"] = lambda v: zeros(v) | {"velocity": np.ones_like(v.array)}
        super().__init__(rule, learning_rate)


def get_or_create_global_step(graph: SessionGraph | None = None) -> Variable:
    """The variable that counts steps, int64; made where the graph has none."""
    graph = session_graph("get_or_create_global_step") if graph is None else graph
    if "global_step" not in graph.named_variables:
        graph.named_variables["global_step"] = Variable(np.int64(0), trainable=False, name="global_step")
    return graph.named_variables["global_step"]


def get_global_step(graph: SessionGraph | None = None) -> Variable | None:
    """The variable that counts steps, or None."""
    graph = session_graph("get_global_step") if graph is None else graph
    return graph.named_variables.get("global_step")


def exponential_decay(
    learning_rate: float, global_step: Any, decay_steps: int, decay_rate: float, staircase: bool = False
) -> Tensor:
    """learning_rate * decay_rate ** (global_step / decay_steps), whole steps alone with `staircase`."""
    passed = cast(global_step, "float32") / float(decay_steps)
    return learning_rate * pow_(convert_to_tensor(float(decay_rate)), floor(passed) if staircase else passed)
