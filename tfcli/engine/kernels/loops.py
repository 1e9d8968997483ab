"""Loops over bytes and whole numbers, written as plain Python functions, as machine code.

One source serves both ways: Python runs the functions where there is little to do, and where there is much their text
is translated to LLVM's language. So the two cannot drift apart. What is translated is a small part of Python: names,
integers of 64 bits, arrays of bytes (a parameter annotated `Bytes`) and of integers (`Words`), assignments, `if`,
`while`, `for … in range(…)`, `break`, `return` of no, one or several integers, and calls of the other functions.
`//` and `%` are of numbers that are not negative. Nothing checks an index: the functions do.
"""

import ast
import ctypes
import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from tfcli.engine.kernels.jit import compiled_functions

Bytes = Any
"""A parameter's annotation: bytes, or an array of uint8."""
Words = Any
"""A parameter's annotation: an array of int64; for Python a list does, too."""

_ELEMENTS = {"Bytes": "i8", "Words": "i64"}
_DTYPES = {"Bytes": np.dtype(np.uint8), "Words": np.dtype(np.int64)}
_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.FloorDiv: "sdiv",
    ast.Mod: "srem",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "ashr",
}
_DECLARED = "declare i64 @llvm.abs.i64(i64, i1)"
_COMPARE = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "slt", ast.LtE: "sle", ast.Gt: "sgt", ast.GtE: "sge"}


def compiled_loops(
    functions: Sequence[Callable[..., Any]], replaced: Mapping[str, str] | None = None
) -> SimpleNamespace:
    """The functions as machine code, under their names; those that one of them calls are among them.

    `replaced`: definitions in LLVM's language of some that the machine has instructions for, with what they declare.
    """
    own = replaced or {}
    heads = {function.__name__: _Head(function) for function in functions}
    texts = [own.get(name) or _Writer(head, heads).text() for name, head in heads.items()]
    entries = [_entry(head) for head in heads.values()]
    text = "\n".join([_DECLARED, *texts, *entries])
    addresses = compiled_functions(text, *(f"enter_{name}" for name in heads))
    return SimpleNamespace(
        **{name: _callable(head, at) for (name, head), at in zip(heads.items(), addresses, strict=True)}
    )


class _Head:
    """A function's name, parameters and number of results."""

    def __init__(self, function: Any) -> None:
        tree = _definitions(sys.modules[function.__module__])[function.__name__]
        self.name, self.body, self.scope = function.__name__, tree.body, function.__globals__
        self.parameters = {a.arg: ast.unparse(a.annotation) if a.annotation else "int" for a in tree.args.args}
        given = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
        results = {_width(value) for value in given} or {0}
        assert len(results) == 1, f"{self.name} returns now more values, now fewer"
        self.results = results.pop()

    @property
    def kind(self) -> str:
        """The result's type."""
        return ["void", "i64"][self.results] if self.results < 2 else f"{{ {', '.join(['i64'] * self.results)} }}"

    def declared(self) -> list[str]:
        """The parameters: an array is its address and its length."""
        return [
            text
            for name, kind in self.parameters.items()
            for text in ([f"ptr %{name}", f"i64 %{name}.len"] if kind in _ELEMENTS else [f"i64 %{name}"])
        ]


@functools.cache
def _definitions(module: ModuleType) -> dict[str, ast.FunctionDef]:
    """The functions in a module's text."""
    return {part.name: part for part in ast.parse(inspect.getsource(module)).body if isinstance(part, ast.FunctionDef)}


def _width(value: ast.expr | None) -> int:
    return 0 if value is None else len(value.elts) if isinstance(value, ast.Tuple) else 1


class _Writer:
    """Writes one function."""

    def __init__(self, head: _Head, heads: Mapping[str, _Head]) -> None:
        self.head, self.heads = head, heads
        self.lines: list[str] = []
        self.locals: dict[str, None] = dict.fromkeys(n for n, kind in head.parameters.items() if kind not in _ELEMENTS)
        self.loops: list[tuple[str, str]] = []
        self.count = 0

    def text(self) -> str:
        parameters = list(self.locals)
        self.block(self.head.body)
        self.line("ret void" if not self.head.results else "unreachable")
        starts = [f"  %{name}.at = alloca i64" for name in self.locals]
        starts += [f"  store i64 %{name}, ptr %{name}.at" for name in parameters]
        head = f"define internal {self.head.kind} @{self.head.name}({', '.join(self.head.declared())}) {{"
        return "\n".join([head, *starts, *self.lines, "}"])

    # writing

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def value(self, text: str) -> str:
        self.count += 1
        self.line(f"%v{self.count} = {text}")
        return f"%v{self.count}"

    def label(self) -> str:
        self.count += 1
        return f"b{self.count}"

    def place(self, label: str) -> None:
        """What follows stands behind the label, which what comes before runs into."""
        self.line(f"br label %{label}")
        self.lines.append(f"{label}:")

    def jump(self, label: str) -> None:
        """Goes there. What follows in the same block is never reached."""
        self.line(f"br label %{label}")
        self.lines.append(f"{self.label()}:")

    # statements

    def block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            getattr(self, f"do_{type(statement).__name__}")(statement)

    def do_Expr(self, statement: ast.Expr) -> None:
        if not isinstance(statement.value, ast.Constant):  # a docstring
            self.call(statement.value)

    def do_Assign(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if not isinstance(target, ast.Tuple):
            self.assign(target, self.of(statement.value))
            return
        if isinstance(statement.value, ast.Tuple):
            values = [self.of(value) for value in statement.value.elts]
        else:
            result, kind = self.call(statement.value)
            values = [self.value(f"extractvalue {kind} {result}, {i}") for i in range(len(target.elts))]
        for part, value in zip(target.elts, values, strict=True):
            self.assign(part, value)

    def do_AugAssign(self, statement: ast.AugAssign) -> None:
        target: Any = statement.target
        read = ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target
        self.assign(target, self.of(ast.BinOp(read, statement.op, statement.value)))

    def assign(self, target: ast.expr, value: str) -> None:
        if isinstance(target, ast.Name):
            self.locals[target.id] = None
            self.line(f"store i64 {value}, ptr %{target.id}.at")
            return
        address, element = self.address(target)
        stored = self.value(f"trunc i64 {value} to i8") if element == "i8" else value
        self.line(f"store {element} {stored}, ptr {address}")

    def do_If(self, statement: ast.If) -> None:
        yes, no, after = self.label(), self.label(), self.label()
        self.branch(statement.test, yes, no)
        for label, body in ((yes, statement.body), (no, statement.orelse)):
            self.lines.append(f"{label}:")
            self.block(body)
            self.line(f"br label %{after}")
        self.lines.append(f"{after}:")

    def do_While(self, statement: ast.While) -> None:
        head, body, after = self.label(), self.label(), self.label()
        self.place(head)
        self.branch(statement.test, body, after)
        self.repeated(statement.body, head, body, after)

    def do_For(self, statement: ast.For) -> None:
        """Of a range; with it, as in Python, the variable is not what the loop counts with."""
        arguments: Any = statement.iter
        bounds = [self.of(argument) for argument in arguments.args]
        start, stop = ("0", bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2] if len(bounds) == 3 else "1"
        counter = f"for{self.label()}"
        self.locals[counter] = None
        self.line(f"store i64 {start}, ptr %{counter}.at")
        head, entered, body, after = (self.label() for _ in range(4))
        self.place(head)
        now = self.value(f"load i64, ptr %{counter}.at")
        self.line(f"store i64 {self.value(f'add i64 {now}, {step}')}, ptr %{counter}.at")
        self.line(f"br i1 {self.value(f'icmp slt i64 {now}, {stop}')}, label %{entered}, label %{after}")
        self.lines.append(f"{entered}:")
        self.assign(statement.target, now)
        self.line(f"br label %{body}")
        self.repeated(statement.body, head, body, after)

    def repeated(self, statements: Sequence[ast.stmt], head: str, body: str, after: str) -> None:
        """A loop's body; `head` is where its next round begins."""
        self.lines.append(f"{body}:")
        self.loops.append((head, after))
        self.block(statements)
        self.loops.pop()
        self.line(f"br label %{head}")
        self.lines.append(f"{after}:")

    def do_Continue(self, statement: ast.Continue) -> None:
        self.jump(self.loops[-1][0])

    def do_Break(self, statement: ast.Break) -> None:
        self.jump(self.loops[-1][1])

    def do_Return(self, statement: ast.Return) -> None:
        value = statement.value
        if value is None:
            self.line("ret void")
        elif isinstance(value, ast.Tuple):
            packed = "poison"
            for i, part in enumerate(value.elts):
                packed = self.value(f"insertvalue {self.head.kind} {packed}, i64 {self.of(part)}, {i}")
            self.line(f"ret {self.head.kind} {packed}")
        else:
            self.line(f"ret i64 {self.of(value)}")
        self.lines.append(f"{self.label()}:")

    # expressions

    def of(self, node: ast.expr) -> str:
        """The value of an expression."""
        return getattr(self, f"of_{type(node).__name__}")(node)

    def of_Constant(self, node: ast.Constant) -> str:
        return str(int(node.value))  # type: ignore[arg-type]

    def of_Name(self, node: ast.Name) -> str:
        if node.id in self.locals:
            return self.value(f"load i64, ptr %{node.id}.at")
        return str(int(self.head.scope[node.id]))

    def of_BinOp(self, node: ast.BinOp) -> str:
        left, right = self.of(node.left), self.of(node.right)
        return self.value(f"{_BINARY[type(node.op)]} i64 {left}, {right}")  # type: ignore[index]

    def of_UnaryOp(self, node: ast.UnaryOp) -> str:
        return self.value(f"sub i64 0, {self.of(node.operand)}") if isinstance(node.op, ast.USub) else self.truth(node)

    def of_Compare(self, node: ast.Compare) -> str:
        return self.truth(node)

    def of_BoolOp(self, node: ast.BoolOp) -> str:
        return self.truth(node)

    def of_IfExp(self, node: ast.IfExp) -> str:
        if _still(node):
            condition = self.condition(node.test)
            return self.value(f"select i1 {condition}, i64 {self.of(node.body)}, i64 {self.of(node.orelse)}")
        name = f"if{self.label()}"
        result = ast.Name(name, ast.Store())
        self.do_If(ast.If(node.test, [ast.Assign([result], node.body)], [ast.Assign([result], node.orelse)]))
        return self.value(f"load i64, ptr %{name}.at")

    def truth(self, node: ast.expr) -> str:
        """A condition as 1 or 0."""
        return self.of_IfExp(ast.IfExp(node, ast.Constant(1), ast.Constant(0)))

    def of_Subscript(self, node: ast.Subscript) -> str:
        address, element = self.address(node)
        loaded = self.value(f"load {element}, ptr {address}")
        return self.value(f"zext i8 {loaded} to i64") if element == "i8" else loaded

    def of_Call(self, node: ast.Call) -> str:
        name, arguments = ast.unparse(node.func), node.args
        if name == "int":
            return self.of(arguments[0])
        if name == "len":
            return f"%{ast.unparse(arguments[0])}.len"
        if name == "abs":
            return self.value(f"call i64 @llvm.abs.i64(i64 {self.of(arguments[0])}, i1 false)")
        return self.call(node)[0]

    def call(self, node: Any) -> tuple[str, str]:
        """Calls another of the functions; the result and its type."""
        head = self.heads[ast.unparse(node.func)]
        words = []
        for argument, kind in zip(node.args, head.parameters.values(), strict=True):
            name = ast.unparse(argument)
            words += [f"ptr %{name}", f"i64 %{name}.len"] if kind in _ELEMENTS else [f"i64 {self.of(argument)}"]
        text = f"call {head.kind} @{head.name}({', '.join(words)})"
        if head.results:
            return self.value(text), head.kind
        self.line(text)
        return "", head.kind

    def address(self, node: Any) -> tuple[str, str]:
        """Where an array's entry is, and its type."""
        name = ast.unparse(node.value)
        element = _ELEMENTS[self.head.parameters[name]]
        return self.value(f"getelementptr {element}, ptr %{name}, i64 {self.of(node.slice)}"), element

    # conditions

    def branch(self, test: ast.expr, yes: str, no: str) -> None:
        """Goes to one of two labels; of `and` and `or` no more is computed than Python does."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self.branch(test.operand, no, yes)
        elif isinstance(test, ast.BoolOp):
            for part in test.values[:-1]:
                further = self.label()
                self.branch(part, *((further, no) if isinstance(test.op, ast.And) else (yes, further)))
                self.lines.append(f"{further}:")
            self.branch(test.values[-1], yes, no)
        else:
            condition = self.condition(test)
            self.line(f"br i1 {condition}, label %{yes}, label %{no}")

    def compared(self, node: ast.Compare) -> str:
        values = [self.of(part) for part in (node.left, *node.comparators)]
        result = ""
        for op, left, right in zip(node.ops, values, values[1:], strict=False):
            holds = self.value(f"icmp {_COMPARE[type(op)]} i64 {left}, {right}")  # type: ignore[index]
            result = self.value(f"and i1 {result}, {holds}") if result else holds
        return result

    def condition(self, node: ast.expr) -> str:
        """A condition that may be computed whole, as an i1."""
        if isinstance(node, ast.Compare):
            return self.compared(node)
        if isinstance(node, ast.BoolOp):
            first, *others = [self.condition(part) for part in node.values]
            for other in others:
                first = self.value(f"{'and' if isinstance(node.op, ast.And) else 'or'} i1 {first}, {other}")
            return first
        return self.value(f"icmp ne i64 {self.of(node)}, 0")


def _still(node: ast.expr) -> bool:
    """Whether computing more of it than Python does changes nothing: it reads no array and calls nothing."""
    return not any(isinstance(part, ast.Subscript | ast.Call | ast.Not) for part in ast.walk(node))


def _entry(head: _Head) -> str:
    """What Python calls: several results go to memory."""
    parameters = head.declared()
    call = f"call {head.kind} @{head.name}({', '.join(parameters)})"
    if head.results < 2:
        body = [f"%result = {call}", "ret i64 %result"] if head.results else [call, "ret void"]
        return _defined(f"{head.kind} @enter_{head.name}({', '.join(parameters)})", body)
    body = [f"%result = {call}"]
    for i in range(head.results):
        body += [
            f"%part{i} = extractvalue {head.kind} %result, {i}",
            f"%at{i} = getelementptr i64, ptr %results, i64 {i}",
        ]
        body.append(f"store i64 %part{i}, ptr %at{i}")
    return _defined(f"void @enter_{head.name}({', '.join([*parameters, 'ptr %results'])})", [*body, "ret void"])


def _defined(head: str, body: Sequence[str]) -> str:
    return "\n".join([f"define {head} {{", *(f"  {line}" for line in body), "}"])


def _callable(head: _Head, address: int) -> Callable[..., Any]:
    kinds, several = list(head.parameters.values()), head.results > 1
    pointer, word = ctypes.c_void_p, ctypes.c_int64
    types: list[Any] = [kind for name in kinds for kind in ((pointer, word) if name in _ELEMENTS else (word,))]
    returned = word if head.results == 1 else None
    enter = ctypes.CFUNCTYPE(returned, *types, *[pointer] * several)(address)  # lets other threads run meanwhile

    def run(*arguments: Any) -> Any:
        words: list[Any] = []
        for kind, argument in zip(kinds, arguments, strict=True):
            words += _array(kind, argument) if kind in _ELEMENTS else [argument]
        if not several:
            return enter(*words)
        results = (word * head.results)()
        enter(*words, ctypes.addressof(results))
        return tuple(results)

    return run


def _array(kind: str, argument: Any) -> list[Any]:
    """The address of bytes or of an array, and its length."""
    if isinstance(argument, bytes):
        return [argument, len(argument)]
    assert argument.dtype == _DTYPES[kind], f"{argument.dtype} for {kind}"
    assert argument.flags.c_contiguous, "entries follow one another"
    if argument.flags.writeable and argument.size:  # the quickest way to an address
        return [ctypes.addressof(ctypes.c_char.from_buffer(argument)), argument.size]
    return [argument.ctypes.data, argument.size]
