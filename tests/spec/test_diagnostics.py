from tfcli.declare import Problem
from tfcli.spec.diagnostics import display_width, render
from tfcli.spec.document import parse_document


def caret_of(report):
    """The text above the caret run."""
    line, caret = report.splitlines()[1:3]
    start = caret.index("^")
    return line[start : start + caret.count("^")]


def test_the_whole_form():
    document = parse_document("train:\n  epoch: 10\n", "exp.yaml")
    problem = Problem(("train", "epoch"), "`epoch` is not a key of `train`", "did you mean `epochs`?", at_key=True)
    assert render(document, [problem]) == (
        "exp.yaml:2:3: error: `epoch` is not a key of `train`\n"
        "   2 |   epoch: 10\n"
        "     |   ^^^^^\n"
        "     = help: did you mean `epochs`?\n"
        "\n"
        "1 error"
    )


def test_sorted_without_repetitions_and_counted():
    document = parse_document("a: 1\nb: 2\n")
    problems = [Problem(("b",), "second"), Problem(("a",), "first"), Problem(("b",), "second")]
    report = render(document, problems)
    assert report.index("first") < report.index("second")
    assert report.endswith("\n2 errors")


def test_colour_only_when_asked():
    document = parse_document("a: 1\n")
    assert "\x1b" not in render(document, [Problem(("a",), "wrong")])
    assert "\x1b[1;31m^\x1b[0m" in render(document, [Problem(("a",), "wrong")], colour=True)


def test_the_caret_is_under_the_value_after_wide_and_combining_characters():
    document = parse_document("a: {名前: x, e\u0301: wrong}\n")
    line, caret = render(document, [Problem(("a", "e\u0301"), "!")]).splitlines()[1:3]
    assert display_width(line[: line.index("wrong")]) == caret.index("^")
    assert caret.count("^") == 5


def test_long_lines_are_cut_around_the_caret():
    items = ", ".join(f"item{i}" for i in range(200))
    document = parse_document(f"a: [{items}]\n")
    for index in (0, 100, 199):
        report = render(document, [Problem(("a", index), "!")])
        assert caret_of(report) == f"item{index}"
        assert max(map(display_width, report.splitlines())) < 120


def test_control_characters_do_not_reach_the_terminal():
    document = parse_document('"a\\e[31m": 1\n')
    report = render(document, [Problem(("a\x1b[31m",), "`a\x1b[31m` is wrong", at_key=True)])
    assert "\x1b" not in report


def test_as_data():
    from tfcli.spec.diagnostics import locate

    document = parse_document("a: 12\n", "exp.yaml")
    assert locate(document, Problem(("a",), "wrong", "mend it")).to_dict() == {
        "file": "exp.yaml",
        "line": 1,
        "column": 4,
        "length": 2,
        "message": "wrong",
        "help": "mend it",
    }
