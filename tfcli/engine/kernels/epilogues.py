"""Entry-by-entry ops done on the results of a product while these are still in registers.

Where only one fused op reads a product, and reads its other inputs at the same place, along the last axes, or as one
number, the product's kernel does the fused op's work before it writes: a bias, an activation, a residual.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import AssignVariable, Node
from tfcli.engine.kernels.code import Code, Value
from tfcli.engine.kernels.contraction import Place
from tfcli.engine.kernels.lowering import Argument, Emitter, lowering_of
from tfcli.engine.kernels.pointwise import ELEMENTS, from_memory, is_pointwise, stored, to_memory
from tfcli.engine.kernels.scalar import SCALAR
from tfcli.engine.kernels.vectors import read, write
from tfcli.engine.op import Op
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvTranspose
from tfcli.engine.ops.linalg import Einsum, Matmul
from tfcli.engine.ops.pool import MaxPoolGrad
from tfcli.engine.tensor import Tensor

PRODUCTS = frozenset({Matmul, Einsum, Conv, ConvInputGrad, ConvTranspose, MaxPoolGrad})
"""The ops whose lowerings take an epilogue: products, and what writes its result once as they do."""


class WithEpilogue(Op):
    """The inputs of `product` and, after them, those of `fused` besides the product -> what `fused` makes.

    `place`: of the product among the inputs of `fused`; `taken`: how many inputs are the product's own.
    """

    product: Op
    fused: Fused
    place: int
    taken: int
    vjp = None

    def infer(self, *inputs):
        return self.fused.infer()

    def forward(self, *inputs):
        others = list(inputs[self.taken :])
        others.insert(self.place, self.product.forward(*inputs[: self.taken]))  # type: ignore[attr-defined]
        return self.fused.forward(*others)

    def parts(self, node: Node) -> tuple[Node, Node]:
        """The node of this op as the two that it stands for, as far as their costs go."""
        given = node.inputs[: self.taken]
        return Node(self.product, given, node.outputs[:1]), Node(self.fused, node.inputs[self.taken :], node.outputs)

    def __repr__(self) -> str:
        return f"{self.product.name}+{self.fused!r}"


def find_pairs(nodes: Sequence[Node], fetches: Sequence[Tensor]) -> dict[int, Node]:
    """For the ids of fused nodes, the product whose results they can take from the registers."""
    readers: dict[int, list[Node]] = {}
    for node in nodes:
        for i in {id(i): i for i in node.inputs}.values():
            readers.setdefault(id(i), []).append(node)
    kept = {id(f) for f in fetches}
    pairs: dict[int, Node] = {}
    for node in nodes:
        if type(node.op) not in PRODUCTS or id(node.outputs[0]) in kept:
            continue
        reading = readers.get(id(node.outputs[0]), [])
        if len(reading) != 1 or id(reading[0]) in pairs or not _fits(node.outputs[0], reading[0]):
            continue
        # What a variable is set to is better written in place, by a kernel of its own.
        if not any(isinstance(r.op, AssignVariable) for o in reading[0].outputs for r in readers.get(id(o), [])):
            pairs[id(reading[0])] = node
    return pairs


def _as_fused(node: Node) -> Fused | None:
    """A node of one entry-by-entry op as if it were fused of it."""
    if isinstance(node.op, Fused):
        return node.op
    if len(node.outputs) != 1 or not is_pointwise(node.op, node.inputs, node.outputs[0]):
        return None
    if len({id(i) for i in node.inputs}) < len(node.inputs):
        return None
    count = len(node.inputs)
    specs = tuple(x.spec for x in (*node.inputs, *node.outputs))
    return Fused(((node.op, tuple(range(count))),), (count,), specs)


def _fits(product: Tensor, reader: Node) -> bool:
    shape = product.shape
    if _as_fused(reader) is None or reader.outputs[0].shape != shape or not shape.is_fully_defined():
        return False
    if shape[-1:] == (1,):
        return False  # vectors that hold one result each: a kernel of its own computes a vector's worth at once
    return any(o.dtype == product.dtype for o in reader.outputs) and all(
        i.dtype.name in ELEMENTS and _manner(_sizes(i), _sizes(product)) is not None for i in reader.inputs
    )


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tuple(size or 0 for size in tensor.shape)


def _manner(shape: tuple[int, ...], whole: tuple[int, ...]) -> str | None:
    """How an input lies beside the product: whole, along the last axes, as one number; None: otherwise."""
    while shape and shape[0] == 1:
        shape = shape[1:]
    if prod(shape) == 1:
        return "one"
    if shape == whole:
        return "whole"
    return "period" if shape == whole[len(whole) - len(shape) :] else None


def lower_pair(product: Node, reader: Node, emit: Emitter) -> Node | None:
    """The node that stands for both, if there is a kernel for it."""
    op = _as_fused(reader)
    assert op is not None
    place = next(i for i, x in enumerate(reader.inputs) if x is product.outputs[0])
    others = [x for x in reader.inputs if x is not product.outputs[0]]
    target = next(o for o in reader.outputs if o.dtype == product.outputs[0].dtype)
    first = Node(product.op, product.inputs, (target,))
    lowering = lowering_of(product.op)
    if lowering is None or not lowering(first, emit, _FusedEpilogue.of(op, reader, place, target)):
        return None
    both = Node(WithEpilogue(product.op, op, place, len(product.inputs)), (*product.inputs, *others), reader.outputs)
    both.scope = product.scope
    return both


@dataclass(frozen=True)
class _FusedEpilogue:
    """A fused op on the product's results. What the kernel's text depends on is `key`."""

    op: Fused
    place: int
    manners: tuple[str, ...]
    kinds: tuple[str, ...]
    target: int
    """Place of what the product's kernel itself writes."""
    arguments: list[Argument]
    """The other inputs, the size of each that lies along the last axes, and the other outputs."""
    periods: tuple[int, ...]
    """These sizes; 0 for the inputs that lie in another way."""

    @classmethod
    def of(cls, op: Fused, reader: Node, place: int, target: Tensor) -> "_FusedEpilogue":
        whole = _sizes(target)
        shapes = [_sizes(i) for i in reader.inputs]
        manners = tuple(_manner(shape, whole) or "" for shape in shapes)
        kinds = tuple(ELEMENTS[spec.dtype.name] for spec in op.specs)
        written = next(p for p, o in zip(op.outputs, reader.outputs, strict=True) if o is target)
        periods = tuple(prod(s) if manners[i] == "period" and i != place else 0 for i, s in enumerate(shapes))
        arguments: list[Argument] = [x for i, x in enumerate(reader.inputs) if i != place]
        arguments += [period for period in periods if period]
        arguments += [o for o in reader.outputs if o is not target]
        return cls(op, place, manners, kinds, written, arguments, periods)

    @property
    def period(self) -> int:
        return min(filter(None, self.periods), default=0)

    def beside(self, columns: int) -> "_FusedEpilogue":
        """An input as long as a row is read along the row."""
        pairs = zip(self.manners, self.periods, strict=True)
        manners = tuple("row" if period == columns else manner for manner, period in pairs)
        return replace(self, manners=manners)

    @property
    def key(self) -> object:
        return self.op.program, self.op.outputs, self.place, self.manners, self.kinds, self.target

    def begin(self, code: Code, first: int) -> dict[object, Value]:
        """The addresses by place, the periods, and the numbers that are the same for all results."""
        begun: dict[object, Value] = {}
        word = first
        for i in self._others():
            begun["at", i] = code.argument(word)
            word += 1
        for i in self._others():
            if self.periods[i]:
                begun["period", i] = code.argument(word, "i64")
                word += 1
        for place in self.op.outputs:
            if place != self.target:
                begun["at", place] = code.argument(word)
                word += 1
        for i in self._others():
            if self.manners[i] == "one":
                begun["one", i] = code.load(begun["at", i], stored(self.kinds[i]))
        return begun

    def _others(self) -> list[int]:
        return [i for i in range(len(self.manners)) if i != self.place]

    def finish(self, begun: dict[object, Value], place: Place, value: Value) -> Value:
        code = place.code
        values = [value if i == self.place else self._input(begun, place, i) for i in range(len(self.manners))]
        for op, places in self.op.program:
            values.append(SCALAR[type(op)](code, op, [values[p] for p in places]))
        for output in self.op.outputs:
            if output != self.target:
                kind = self.kinds[output]
                write(
                    code,
                    to_memory(code, values[output], kind),
                    begun["at", output],
                    place.offset,
                    stored(kind),
                    place.mask,
                )
        return values[self.target]

    def _input(self, begun: dict[object, Value], place: Place, i: int) -> Value:
        code, kind, manner = place.code, self.kinds[i], self.manners[i]
        if manner == "one":
            return from_memory(code, code.splat(begun["one", i], place.lanes), kind)
        index = place.offset if manner == "whole" else place.column
        if manner == "period":
            index = place.offset % begun["period", i]
        loaded = read(code, begun["at", i], index, stored(kind), place.lanes, place.mask)
        return from_memory(code, loaded, kind)
