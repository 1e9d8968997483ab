"""`tfcli data`: statistics, schemas and anomalies."""

import json

import pytest

ROWS = "".join(f"{20 + i % 30},{'fm'[i % 2]},{1.5 + i % 9 / 10}\n" for i in range(60))


@pytest.fixture
def monday(folder):
    (folder / "monday.csv").write_text("age,sex,height\n" + ROWS)
    return "monday.csv"


@pytest.fixture
def schema(tfcli, monday):
    assert tfcli("data", "schema", monday, "-o", "schema.json").code == 0
    return "schema.json"


def test_statistics_of_a_file(tfcli, monday):
    (found,) = tfcli("data", "stats", monday, "--json").json["tables"]
    assert found["rows"] == 60
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["age"]["numbers"]["high"] == 49
    assert columns["sex"]["texts"]["values"] == {"f": 30, "m": 30}


def test_the_table_of_a_file(tfcli, monday):
    out = tfcli("data", "stats", monday).out
    assert "monday.csv: 60 rows, 3 columns" in out
    assert "f 50.0%, m 50.0%" in out
    assert "█" in out


def test_statistics_of_a_spec(tfcli):
    (found,) = tfcli("data", "stats", "exp.yaml", "--json").json["tables"]
    assert (found["name"], found["rows"]) == ("data", 150)


def test_a_page_with_pictures(tfcli, folder, monday):
    assert tfcli("data", "stats", monday, "--html", "stats.html", "--json").json["html"] == "stats.html"
    assert "<svg" in (folder / "stats.html").read_text()


def test_a_schema_is_json(tfcli, monday):
    assert json.loads(tfcli("data", "schema", monday).out)["columns"]["sex"]["values"] == ["f", "m"]


def test_a_file_that_fits_has_exit_code_0(tfcli, monday, schema):
    result = tfcli("data", "validate", monday, "--schema", schema, "--training", monday, "--json")
    assert result.code == 0
    assert result.json["anomalies"] == []
    assert {d["column"] for d in result.json["distances"]["skew"]} == {"age", "sex", "height"}


def test_anomalies_have_exit_code_1(tfcli, folder, monday, schema):
    (folder / "tuesday.csv").write_text("age,sex\n" + "".join(f"{20 + i % 30},x\n" for i in range(60)))
    result = tfcli("data", "validate", "tuesday.csv", "--schema", schema, "--previous", monday, "--json")
    assert result.code == 1
    assert [(a["column"], a["kind"]) for a in result.json["anomalies"]] == [
        ("sex", "new_values"),
        ("height", "missing_column"),
        ("sex", "drift"),
    ]


def test_drift_without_a_schema_and_with_a_threshold(tfcli, folder, monday):
    (folder / "tuesday.csv").write_text("age,sex,height\n" + ROWS.replace("m", "f", 6))
    assert tfcli("data", "validate", "tuesday.csv", "--previous", monday).code == 0
    result = tfcli("data", "validate", "tuesday.csv", "--previous", monday, "--drift", "0.05")
    assert result.code == 1
    assert "L-infinity distance from monday.csv is 0.100, more than 0.05" in result.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["monday.csv"], "nothing to hold the file against"),
        (["monday.csv", "--previous", "monday.csv", "--skew", "0.1"], "--training FILE"),
        (["nosuch.csv", "--previous", "monday.csv"], "there is no file nosuch.csv"),
        (["monday.csv", "--schema", "monday.csv"], "is no JSON"),
    ],
)
def test_mistakes_have_exit_code_2(tfcli, monday, words, said):
    result = tfcli("data", "validate", *words)
    assert result.code == 2
    assert said in result.err
