"""Declarations: a class whose annotated fields are its only parameter list.

Layers, losses, optimizers, data sources and the spec itself are such classes. From the annotations come the Python
signature, the conversion and checking of values (all problems at once, each with its path), the spec form, and the JSON
Schema (`tfcli.spec.schema`). A *kind* (`class Layer(Declared, kind="layer")`) keeps a registry of the classes below it,
found by name without regard to case and underscores.
"""

from tfcli.declare.convert import INVALID, convert, convert_fields
from tfcli.declare.declared import REQUIRED, Declared, Field, Registry, plain
from tfcli.declare.names import closest, nearest, snake_case, squash
from tfcli.declare.problems import DeclarationError, FieldError, Path, Problem, UnknownKey
from tfcli.declare.values import (
    DropRate,
    FunctionName,
    Hints,
    ModuleName,
    NonNegativeFloat,
    NonNegativeInt,
    PathString,
    PositiveFloat,
    PositiveInt,
    Probability,
    Range,
)
from tfcli.declare.words import describe, show

__all__ = [
    "INVALID",
    "REQUIRED",
    "DeclarationError",
    "Declared",
    "DropRate",
    "Field",
    "FieldError",
    "FunctionName",
    "Hints",
    "ModuleName",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Path",
    "PathString",
    "PositiveFloat",
    "PositiveInt",
    "Probability",
    "Problem",
    "Range",
    "Registry",
    "UnknownKey",
    "closest",
    "convert",
    "convert_fields",
    "describe",
    "nearest",
    "plain",
    "show",
    "snake_case",
    "squash",
]
