"""Where in the user's program we are, for messages about a line that cannot work."""

import linecache
import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).parent.parent)

_INSTEAD = {
    "if": "tf.cond(condition, true_fn, false_fn) instead of `if`",
    "elif": "tf.case([(condition, fn), …], default) instead of `elif`",
    "while": "tf.while_loop(cond, body, loop_vars) instead of `while`",
    "assert": "tf.debugging.assert_equal and its kin instead of `assert`",
    "for": "tf.map_fn, tf.scan or tf.while_loop instead of `for`",
}
_ANYWHERE = (
    "tf.cond(condition, true_fn, false_fn) instead of `if`, tf.while_loop instead of `while`, "
    "tf.logical_and/or/not instead of `and`/`or`/`not`, tf.debugging.assert_equal and its kin instead of `assert`"
)


def user_line() -> tuple[str, str]:
    """`file:line` of the innermost frame outside of this package, and that line."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    name, number = frame.f_code.co_filename, frame.f_lineno
    return f"{name}:{number}", linecache.getline(name, number, frame.f_globals).strip()


def instead_of_python(asked: str, otherwise: str = _ANYWHERE) -> str:
    """The message for a statement of Python that would need a value not yet known."""
    place, line = user_line()
    quoted = f": `{line}`" if line else ""
    first = line.replace("(", " ").split(" ", 1)[0]
    instead = _INSTEAD.get(first, otherwise)
    return f"{place}{quoted} asks for {asked} of a tensor that is being traced and has no value yet; write {instead}"
