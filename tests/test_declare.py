"""What a declaration gives: construction, conversion, all problems at once, words for messages."""

from typing import Annotated, Any, Literal

import numpy as np
import pytest

from tfcli.declare import (
    DeclarationError,
    Declared,
    FieldError,
    FunctionName,
    Hints,
    PathString,
    PositiveFloat,
    PositiveInt,
    Problem,
    Range,
    UnknownKey,
    convert,
    describe,
    nearest,
    plain,
    snake_case,
    squash,
)


def register(cls):
    cls.registry.add(cls)
    return cls


class Shape(Declared, kind="shape"):
    """A shape."""

    label: str | None = None


@register
class Circle(Shape):
    """A circle."""

    radius: PositiveFloat
    precision: Literal["low", "high"] = "low"


@register
class UnitSquare2D(Shape):
    """A square."""


@register
class Group(Shape):
    """Shapes."""

    members: list[Shape] = []
    scale: tuple[int, int] = (1, 1)

    def check(self) -> None:
        if len(self.members) == 13:
            raise FieldError(("members", 12), "thirteen is too many", "remove one")


class Section(Declared):
    """A mapping with fields of its own."""

    count: PositiveInt = 1
    size: int | None = None


class Page(Declared, name="page"):
    """A page."""

    title: str
    shape: Shape = "unit_square2d"
    section: Section = {}
    by_name: dict[str, Shape] | Shape | None = None
    rate: float | Shape = 0.5


def problems_of(annotation, value):
    problems = []
    convert(annotation, value, (), problems)
    return problems


def converted(annotation, value):
    problems = []
    result = convert(annotation, value, (), problems)
    assert problems == []
    return result


class TestNames:
    @pytest.mark.parametrize("name", ["UnitSquare2D", "unit_square_2d", "unitsquare2d", "unit_square2d"])
    def test_a_class_is_found_without_regard_to_case_and_underscores(self, name):
        assert isinstance(converted(Shape, name), UnitSquare2D)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("MaxPooling2D", "max_pooling2d"),
            ("LSTM", "lstm"),
            ("PReLU", "p_re_lu"),
            ("Conv2DTranspose", "conv2d_transpose"),
        ],
    )
    def test_snake_case_is_keras_s(self, name, expected):
        assert snake_case(name) == expected

    def test_squash(self):
        assert squash("Conv_2D") == "conv2d"


class TestConstruction:
    def test_by_position_and_keyword(self):
        circle = Circle(2, label="c")
        assert (circle.radius, circle.precision, circle.label) == (2.0, "low", "c")

    def test_inherited_fields_follow_unless_they_are_repeated(self):
        class Wrapper(Shape, abstract=True):
            inner: Shape

        class Mirror(Wrapper):
            inner: Shape
            axis: int = 0

        assert list(Mirror.fields()) == ["inner", "axis", "label"]

    def test_defaults_in_spec_form_become_objects(self):
        page = Page("t")
        assert isinstance(page.shape, UnitSquare2D)
        assert page.section.count == 1

    def test_all_problems_are_in_the_error(self):
        with pytest.raises(DeclarationError) as error:
            Circle(radius=-1, precision="hi", colour="red")
        assert len(error.value.problems) == 3
        assert "radius: expected a number > 0, got -1" in str(error.value)

    def test_too_many_arguments(self):
        with pytest.raises(DeclarationError, match="takes at most 3 arguments, got 4"):
            Circle(1, "low", "c", 4)

    def test_an_argument_given_twice(self):
        with pytest.raises(DeclarationError, match="by position and by name"):
            Circle(1, radius=2)

    def test_checks_run(self):
        with pytest.raises(FieldError, match="thirteen"):
            Group(["unit_square2d"] * 13)


class TestConversion:
    @pytest.mark.parametrize(
        ("annotation", "value", "expected"),
        [
            (int, 3, 3),
            (float, 3, 3.0),
            (float, np.float32(0.5), 0.5),
            (int, np.int64(4), 4),
            (bool, True, True),
            (int | None, None, None),
            (tuple[int, int], [1, 2], (1, 2)),
            (tuple[int, ...], np.array([1, 2, 3]), (1, 2, 3)),
            (list[int], (1, 2), [1, 2]),
            (dict[int, float], {0: 1}, {0: 1.0}),
            (PositiveInt | tuple[PositiveInt, PositiveInt], 3, 3),
            (Literal["auto"] | PositiveInt, "auto", "auto"),
            (Any, object, object),
        ],
    )
    def test_accepted(self, annotation, value, expected):
        found = converted(annotation, value)
        assert found == expected
        assert type(found) is type(expected)

    @pytest.mark.parametrize(
        ("annotation", "value"),
        [
            (int, True),
            (int, 3.0),
            (int, "3"),
            (float, "0.5"),
            (float, 10**400),
            (bool, 1),
            (str, 3),
            (PositiveInt, 0),
            (PositiveFloat, float("nan")),
            (Literal["a", "b"], "c"),
            (tuple[int, int], [1]),
            (list[int], 3),
            (dict[str, int], [1]),
            (FunctionName, "no function"),
            (Section, 3),
            (Shape, 3),
        ],
    )
    def test_refused(self, annotation, value):
        assert len(problems_of(annotation, value)) == 1

    def test_paths_and_function_names_keep_their_class(self):
        assert type(converted(PathString, "a/b")) is PathString
        assert type(converted(FunctionName, "module.sub:function")) is FunctionName
        assert converted(FunctionName, len) is len

    def test_an_empty_section_has_its_defaults(self):
        assert converted(Section, None).count == 1

    def test_null_stays_null_where_it_may(self):
        assert converted(Section | None, None) is None

    def test_numbers_are_tried_before_nodes(self):
        assert converted(float | Shape, 1) == 1.0
        assert isinstance(converted(float | Shape, {"type": "circle", "radius": 1}), Circle)

    def test_a_mapping_with_a_type_is_a_node_and_another_one_names_nodes(self):
        node, named = (
            problems_of(Shape | dict[str, Shape], {"type": "circl"}),
            problems_of(Shape | dict[str, Shape], {"a": "circl"}),
        )
        assert node[0].path == ("type",)
        assert named[0].path == ("a",)


class TestProblems:
    def test_paths_lead_to_the_fault(self):
        value = {"title": "t", "shape": {"type": "group", "members": [{"type": "circle", "radius": 0}]}}
        assert [p.path for p in problems_of(Page, value)] == [("shape", "members", 0, "radius")]

    def test_a_failed_check_is_at_its_field(self):
        problems = problems_of(Shape, {"type": "group", "members": ["unit_square2d"] * 13})
        assert problems == [Problem(("members", 12), "thirteen is too many", "remove one")]

    def test_an_unknown_key_suggests_the_nearest(self):
        (problem,) = problems_of(Section, {"cuont": 2})
        assert problem == UnknownKey(("cuont",), "`cuont` is not a top-level key", "did you mean `count`?", at_key=True)

    def test_a_misspelt_key_is_not_missing_as_well(self):
        assert len(problems_of(Shape, {"type": "circle", "radus": 2})) == 1

    def test_a_missing_key_is_named_with_what_it_takes(self):
        (problem,) = problems_of(Shape, "circle")
        assert problem.message == "`circle` needs `radius`: a number > 0"

    def test_a_node_without_type_takes_its_example_from_its_keys(self):
        (problem,) = problems_of(Shape, {"circle": {"radius": 2}})
        assert (problem.message, problem.suggestion) == ("a shape needs `type`", "for example `type: circle`")

    def test_a_text_that_is_neither_number_nor_node(self):
        (problem,) = problems_of(float | Shape, "abc")
        assert problem.message == "expected a number or a shape, got 'abc'"

    @pytest.mark.parametrize(
        ("annotation", "value", "suggestion"),
        [
            (bool, "yes", "write `true`"),
            (bool, "off", "write `false`"),
            (int, "3", "write it without quotes: `3`"),
            (float, "0,5", "write `0.5`, with a point"),
            (float, "15%", "write `0.15`"),
            (int, 3.0, "write `3`"),
            (str, 3, 'in quotes it is a text: `"3"`'),
            (list[str], "a", "write it as a list: `[a]`"),
            (Literal["relu", "gelu"], "rellu", "did you mean `relu`?"),
            (Section | None, True, "write `{}` for its defaults"),
            (Annotated[Literal["a"], Hints({"b": "not yet"})], "b", "not yet"),
            (Annotated[Literal["a"], Hints({"b": "not yet"})], {"type": "b"}, "not yet"),
            (int, "many", None),
        ],
    )
    def test_remedies(self, annotation, value, suggestion):
        (problem,) = problems_of(annotation, value)
        assert problem.suggestion == suggestion

    def test_keys_of_the_wrong_kind_are_marked_as_keys(self):
        (problem,) = problems_of(dict[int, int], {"a": 1})
        assert problem.at_key


class TestWords:
    @pytest.mark.parametrize(
        ("annotation", "words"),
        [
            (PositiveInt | None, "a whole number ≥ 1 or null"),
            (Annotated[float, Range(0, 1, open_high=True)], "a number ≥ 0 and < 1"),
            (Literal["a", "b"] | bool, "one of `a`, `b` or true or false"),
            (Literal["auto"] | PositiveInt, "`auto` or a whole number ≥ 1"),
            (list[PathString], "a list (each item a path)"),
            (tuple[int, int], "a list of 2 (each a whole number)"),
            (dict[str, list[int]], "a mapping (each value a list)"),
            (Shape, "a shape"),
            (Section, "a mapping with keys such as `count`, `size`"),
        ],
    )
    def test_describe(self, annotation, words):
        assert describe(annotation) == words

    @pytest.mark.parametrize(
        ("name", "known", "expected"),
        [
            ("epoch", ["epochs", "name"], "epochs"),
            ("LearningRate", ["learning_rate"], "learning_rate"),
            ("lr", ["learning_rate", "rate"], "learning_rate"),
            ("neurons", ["units", "name"], "units"),
            ("max", ["minimize", "maximize"], "maximize"),
        ],
    )
    def test_nearest(self, name, known, expected):
        assert nearest(name, known) == f"did you mean `{expected}`?"

    def test_nothing_is_near(self):
        assert nearest("zebra", ["epochs", "units"]) is None


class TestSpecForm:
    def test_every_field_is_written(self):
        assert Circle(2).spec() == {"type": "circle", "radius": 2.0, "precision": "low", "label": None}

    def test_it_converts_back_to_the_same(self):
        page = Page("t", shape=Group(["unit_square2d", Circle(3)]), by_name={"a": Circle(1)})
        assert converted(Page, page.spec()).spec() == page.spec()

    def test_plain_types(self):
        assert plain((1, np.float64(2.0), {"a": [None, True]})) == [1, 2.0, {"a": [None, True]}]
