"""`tfcli init`: the templates, and specs guessed from data files."""

import pytest

from tfcli.runner import templates
from tfcli.runner.inspection import inspect
from tfcli.spec.load import load_experiment


@pytest.mark.parametrize("name", list(templates.describe()))
def test_a_template_checks_as_it_is(tfcli, name):
    assert tfcli("init", name, "-o", "new.yaml").code == 0
    assert inspect(load_experiment("new.yaml")).parameters > 0


def test_the_list(tfcli):
    assert set(tfcli("init", "--list", "--json").json["templates"]) == set(templates.describe())


def test_a_spec_is_not_overwritten(tfcli, folder):
    before = (folder / "exp.yaml").read_text()
    result = tfcli("init", "penguins")
    assert result.code == 2
    assert "--force" in result.err
    assert (folder / "exp.yaml").read_text() == before
    assert tfcli("init", "penguins", "--force").code == 0
    assert (folder / "exp.yaml").read_text() != before


def test_an_unknown_template_names_the_nearest(tfcli):
    result = tfcli("init", "pengiuns", "-o", "new.yaml")
    assert result.code == 2
    assert "did you mean `penguins`?" in result.err


def guessed(tfcli, folder, text, *words, file="table.csv"):
    """The spec guessed from a file of that text, trained for an epoch."""
    (folder / file).write_text(text)
    result = tfcli("init", file, "-o", "new.yaml", *words)
    assert result.code == 0, result.err
    trained = tfcli("train", "new.yaml", "--epochs", "1", "-q")
    assert trained.code == 0, trained.err
    return (folder / "new.yaml").read_text()


def test_classes_from_texts(tfcli, folder):
    lines = "".join(f"{i},{i * 0.3},{'ab'[i % 2]},{['x', 'y', ''][i % 3]}\n" for i in range(60))
    text = guessed(tfcli, folder, "id,size,species,colour\n" + lines)
    assert "label: species" in text
    assert "# id is left out" in text
    assert "colour: string_categorical" in text
    assert "units: 2, activation: softmax" in text


def test_numbers_are_a_regression_in_their_own_scale(tfcli, folder):
    lines = "".join(f"{i % 7},{i if i % 5 else ''},{1000 * i + 0.5}\n" for i in range(60))
    text = guessed(tfcli, folder, "a,b,cost\n" + lines)
    assert "label: cost" in text
    assert "a: integer_categorical" in text
    assert "missing: mean, indicator: true" in text
    assert "loss: mean_squared_error" in text
    assert "name: own_scale" in text


def test_a_label_and_a_delimiter(tfcli, folder):
    lines = "".join(f"{i % 3};{i * 0.5};{i * 0.7}\n" for i in range(60))
    text = guessed(tfcli, folder, "kind;a;b\n" + lines, "--label", "kind")
    assert "label: kind" in text
    assert "units: 3, activation: softmax" in text


def test_json_lines(tfcli, folder):
    lines = "".join(f'{{"a": {i * 0.5}, "label": "{"xy"[i % 2]}"}}\n' for i in range(60))
    assert "type: jsonl" in guessed(tfcli, folder, lines, file="table.jsonl")


def test_paths_are_relative_to_the_spec(tfcli, folder):
    (folder / "table.csv").write_text("a,y\n" + "".join(f"{i * 0.5},{i % 2}\n" for i in range(60)))
    assert tfcli("init", "table.csv", "-o", "specs/new.yaml").code == 0
    assert "path: ../table.csv" in (folder / "specs/new.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("table.txt", "some words\nand more\n", ".csv"),
        ("one.csv", "a\n1\n2\n", "one column"),
        ("few.csv", "a,y\n1,2\n2,\n3,4\n", "has 2 rows with a label; training takes 8 at least"),
        ("none.csv", "a,label\n" + "1,\n2,\n" * 9, "has 0 rows with a label"),
        ("same.csv", "a,y\n" + "".join(f"1,{i}\n" for i in range(9)), "('a': it is the same in all rows)"),
        ("one_class.csv", "a,label\n" + "1,u\n2,u\n" * 9, "the label 'label' is 'u' in all rows"),
        (
            "comma.csv",
            "a;score\n" + "".join(f"{i * i % 7};0,{i}\n" for i in range(20)),
            "a number has a point, no comma",
        ),
        ("rows.data", "1.0   2.0   3.0  4  5  6\t'a'\n" * 9, "expected a table"),
        ("noise.gz", "\0\1\r\2" * 9, "expected a table"),
    ],
)
def test_what_no_spec_can_be_guessed_from(tfcli, folder, name, text, said):
    (folder / name).write_text(text)
    result = tfcli("init", name, "-o", "new.yaml")
    assert result.code == 2
    assert said in result.err
    assert not (folder / "new.yaml").exists()


def test_an_empty_folder_is_refused(tfcli, folder):
    (folder / "images").mkdir()
    result = tfcli("init", "images", "-o", "new.yaml")
    assert result.code == 2
    assert "a folder for each class" in result.err


def trains(tfcli, folder, *words):
    """The guessed spec's text, after an epoch of training."""
    result = tfcli("init", *words, "-o", "new.yaml")
    assert result.code == 0, result.err
    trained = tfcli("train", "new.yaml", "--epochs", "1", "-q")
    assert trained.code == 0, trained.err
    return (folder / "new.yaml").read_text()


def test_a_folder_of_pictures(tfcli, folder):
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (folder / "pets" / name).mkdir(parents=True)
        for i in range(12):
            image.new("RGB", (8 + i % 2, 8), (20 * i, 0, 0)).save(folder / "pets" / name / f"{i}.png")
    text = trains(tfcli, folder, "pets")
    assert "type: image_folder, path: pets, image_size: [8, " in text
    assert "units: 2, activation: softmax" in text


def test_a_folder_of_texts(tfcli, folder):
    for name in ("ham", "spam"):
        (folder / "mails" / name).mkdir(parents=True)
        for i in range(12):
            (folder / "mails" / name / f"{i}.txt").write_text(f"{name} and {i} words")
    assert "type: text_vectorization" in trains(tfcli, folder, "mails")


def test_dates_and_free_text_beside_numbers(tfcli, folder):
    lines = "".join(
        f"2024-01-{1 + i % 28:02d},{20240101 + i % 28},this is remark number {i},{i * 0.5},{'ab'[i % 2]}\n"
        for i in range(60)
    )
    (folder / "t.csv").write_text("day,bought,remark,amount,class\n" + lines)
    text = trains(tfcli, folder, "t.csv")
    assert "day: {type: date}" in text
    assert 'bought: {type: date, format: "%Y%m%d"}' in text
    assert "remark: text" in text
    assert "{type: concatenate, inputs: [features, remark]}" in text


def test_a_series_in_time(tfcli, folder):
    lines = "".join(f"2024-{1 + i // 28:02d}-{1 + i % 28:02d},{i * 0.5 if i % 9 else ''}\n" for i in range(120))
    (folder / "t.csv").write_text("day,level\n" + lines)
    text = trains(tfcli, folder, "t.csv")
    assert "type: time_series" in text
    assert "missing: interpolate" in text


def test_a_csv_file_without_a_header_gets_names_for_its_columns(tfcli, folder):
    lines = ["5.1,3.5,setosa", "4.9,3.0,setosa", "7.0,3.2,versicolor", "6.4,3.1,versicolor"] * 12
    (folder / "plain.csv").write_text("\n".join(f"{line}" for line in lines) + "\n")
    assert tfcli("init", "plain.csv", "-o", "plain.yaml").code == 0
    text = (folder / "plain.yaml").read_text()
    assert "has no header" in text
    assert "header: false, columns: [column_1, column_2, column_3]" in text
    assert tfcli("check", "plain.yaml").code == 0


def test_a_header_with_numbers_in_it_stays_one(tfcli, folder):
    rows = "\n".join(f"c{i},{i}.5,{i * i}.25" for i in range(40))
    (folder / "years.csv").write_text(f"country,2001,2002\n{rows}\n")
    assert tfcli("init", "years.csv", "-o", "years.yaml").code == 0
    assert "header: false" not in (folder / "years.yaml").read_text()


ROWS = [(round(0.37 * i % 1, 2), "uv"[i * 7 % 3 % 2]) for i in range(60)]


@pytest.mark.parametrize(
    ("name", "header", "rows", "expected"),
    [
        ("gaps", "a,label", [f"{x},{'' if i % 4 == 0 else kind}" for i, (x, kind) in enumerate(ROWS)], "missing_label"),
        (
            "numbers",
            "a,price",
            [f"{x},{'' if i % 4 == 0 else x * 3}" for i, (x, _) in enumerate(ROWS)],
            "missing_label",
        ),
        ("codes", "a,class", [f"{x},{(1, 2, 7)[i % 3]}" for i, (x, _) in enumerate(ROWS)], "units: 8"),
        ("semicolons", "a;kind", [f"{x};{kind}" for x, kind in ROWS], "delimiter: ;"),
        (
            "lines",
            "note,a,label",
            [f'"two\nlines, {i}",{x},{kind}' for i, (x, kind) in enumerate(ROWS)],
            "# note is left",
        ),
        ("nothing", "b,a,label", [f",{x},{kind}" for x, kind in ROWS], "# b is left out: it is the same in all rows"),
        ("dates", "day,a,label", [f"2024-01-{1 + i % 28:02},{x},{k}" for i, (x, k) in enumerate(ROWS)], "{type: date}"),
        ("ids", "id,a,label", [f"{i},{x},{kind}" for i, (x, kind) in enumerate(ROWS)], "# id is left out"),
        (
            "infinite",
            "b,a,label",
            [f"{'inf' if i else 1},{x},{k}" for i, (x, k) in enumerate(ROWS)],
            "infinite numbers",
        ),
        (
            "dust_pm25",
            "No,year,month,day,hour,pm2.5,wind,kind",
            [f"{i},2024,1,{1 + i // 24},{i % 24},{'' if i == 9 else x},{x / 2},{k}" for i, (x, k) in enumerate(ROWS)],
            "target: pm2.5, columns: [pm2.5, wind]",
        ),
    ],
)
def test_a_spec_of_an_odd_table_trains_as_it_is(name, header, rows, expected, tfcli, folder):
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]))
    assert tfcli("init", f"{name}.csv", "-o", "s.yaml").code == 0
    assert expected in (folder / "s.yaml").read_text()
    result = tfcli("train", "s.yaml", "--epochs", "1", "-q")
    assert result.code == 0, result.err
