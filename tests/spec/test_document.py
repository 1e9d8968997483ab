import pytest

from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.document import parse_document, read_document
from tfcli.spec.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1e6", 1e6),
        ("1.5E-3", 1.5e-3),
        (".5", 0.5),
        ("5.", 5.0),
        ("-3", -3),
        ("+3", 3),
        ("010", 10),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
    ],
)
def test_plain_words_that_are_values(text, value):
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "2020-13-45", "2020-01-31", "12:30", "1e", "e3", ".", "1_", "inf", "9" * 5000]
)
def test_plain_words_that_are_texts(text):
    assert resolve(text) == text


def test_quotes_make_a_text():
    assert parse_document("a: '1'\nb: \"true\"\nc: !!str 3\n").value == {"a": "1", "b": "true", "c": "3"}


def test_positions_of_keys_and_values():
    document = parse_document("# hello\ntrain:\n  epochs: 10\n  freeze: [a, bcd]\n", "exp.yaml")
    assert str(document.position(("train", "epochs"))) == "exp.yaml:3:11"
    assert str(document.position(("train", "epochs"), at_key=True)) == "exp.yaml:3:3"
    mark = document.position(("train", "freeze", 1))
    assert (mark.line, mark.column, mark.length) == (4, 15, 3)


def test_a_block_is_marked_at_its_key():
    mark = parse_document("train:\n  epochs: 10\n").position(("train",))
    assert (mark.line, mark.column, mark.length) == (1, 1, 5)


def test_a_missing_path_is_placed_at_what_exists_above_it():
    document = parse_document("model:\n  layers:\n    - {type: dense}\n")
    mark = document.position(("model", "layers", 0, "units"), at_key=True)
    assert (mark.line, mark.column) == (3, 7)
    assert document.position(("data", "source")).line == 1


def test_merge_keys_anchors_and_aliases():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{x: 9}, *a], z: 0}\nd: [*a]\n"
    value = parse_document(text).value
    assert value["b"] == {"x": 1, "y": 3}
    assert value["c"] == {"x": 9, "y": 2, "z": 0}
    assert value["d"] == [{"x": 1, "y": 2}]


def test_a_value_behind_an_alias_is_placed_where_it_is_written():
    document = parse_document("a: &a {x: 1}\nb: {<<: *a}\n")
    assert document.position(("b", "x")).line == 1


def test_values_behind_aliases_are_copies():
    value = parse_document("a: &a {x: 1}\nb: *a\n").value
    value["b"]["x"] = 2
    assert value["a"] == {"x": 1}


def test_alias_bombs_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(InvalidSpec, match="more than 100,000 values"):
        parse_document("\n".join(lines))


def test_merge_bombs_are_refused():
    lines = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60)]
    with pytest.raises(InvalidSpec, match="more than 100,000 values"):
        parse_document("\n".join(lines))


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 5000, "a: " + "{a: " * 5000, "".join(" " * i + "a:\n" for i in range(300))]
)
def test_deep_nesting_is_refused(text):
    with pytest.raises(InvalidSpec, match="more than 100 levels deep"):
        parse_document(text)


def test_depth_through_aliases_is_refused():
    nested = "[" * 60 + "{}" + "]" * 60
    with pytest.raises(InvalidSpec, match="more than 100 levels deep"):
        parse_document(f"a: &a {nested.format('1')}\nb: {nested.replace('{}', '*a')}\n")


def test_large_files_are_refused(tmp_path):
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * (1 << 20))
    with pytest.raises(InvalidSpec, match="larger than 1 MiB"):
        read_document(tmp_path / "large.yaml")


def test_bytes_that_are_not_utf8(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("seed: 1\nname: caf\xe9\n".encode("latin-1"))
    with pytest.raises(InvalidSpec, match=r"latin.yaml:2:10: error: the byte 0xE9 is not UTF-8"):
        read_document(tmp_path / "latin.yaml")


def test_utf16_is_named(tmp_path):
    (tmp_path / "wide.yaml").write_text("seed: 1\n", encoding="utf-16")
    with pytest.raises(InvalidSpec, match="UTF-16"):
        read_document(tmp_path / "wide.yaml")


def test_a_byte_order_mark_and_dos_line_ends_are_fine(tmp_path):
    (tmp_path / "dos.yaml").write_bytes(b"\xef\xbb\xbfseed: 1\r\nname: x\r\n")
    document = read_document(tmp_path / "dos.yaml")
    assert document.value == {"seed": 1, "name": "x"}
    assert str(document.position(("name",))).endswith("dos.yaml:2:7")


def test_nul_bytes_are_refused(tmp_path):
    (tmp_path / "nul.yaml").write_bytes(b"seed: \x001\n")
    with pytest.raises(InvalidSpec, match=r"nul.yaml:1:7: error: the control character U\+0000"):
        read_document(tmp_path / "nul.yaml")


def test_duplicates_name_both_lines():
    faults = parse_document("a: 1\nb: 2\na: 3\n").faults
    assert [(f.mark.line, f.message) for f in faults] == [(3, "`a` is given twice: first on line 1, again here")]


def test_a_merged_key_is_no_duplicate():
    assert parse_document("a: &a {x: 1}\nb: {<<: *a, x: 2}\n").faults == []


def test_the_parser_in_python_gives_the_same(monkeypatch):
    import yaml

    from tfcli.spec import syntax

    text = "a: &a {x: [1, é, 'q']}\nb:\n  - *a\n  - |\n    text\n  -\nc: {<<: *a}\n"
    fast = parse_document(text)
    monkeypatch.setattr(syntax, "_FAST_LOADER", yaml.SafeLoader)
    slow = parse_document(text)
    assert slow.value == fast.value
    for path, place in fast.places.items():
        assert (str(slow.places[path].value), slow.places[path].value.length) == (str(place.value), place.value.length)
