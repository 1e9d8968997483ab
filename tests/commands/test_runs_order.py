"""`tfcli runs`: tags, notes, the trash, gc, reproduce and explain."""

import json

import pytest

from tfcli.logging.run_directory import RunDirectory


@pytest.fixture
def finished(folder):
    """Makes finished runs of one name without training."""

    def make(number: int, loss: float, updated: str = "2026-11-01T00:00:00+00:00") -> RunDirectory:
        run = RunDirectory.create_at(folder / f"runs/exp/20261101-00000{number}-aaaa")
        run.update_status("done")
        (run.path / "status.json").write_text(json.dumps(run.status() | {"updated": updated}))
        run.write_summary({"monitor": "val_loss", "best": {"val_loss": loss}, "final": {"val_loss": loss}})
        return run

    return make


def left(folder) -> list[str]:
    return sorted(path.name[14] for path in (folder / "runs/exp").iterdir())


def test_tags_are_added_and_taken_away(tfcli, finished):
    run = finished(1, 0.5)
    assert tfcli("runs", "tag", "exp", "baseline", "keep", "--json").json["tags"] == ["baseline", "keep"]
    assert tfcli("runs", "tag", "exp", "--remove", "keep", "--json").json["tags"] == ["baseline"]
    assert run.annotations() == {"tags": ["baseline"], "note": ""}
    assert "baseline" in tfcli("runs").out
    assert tfcli("runs", "list", "--tag", "other", "--json").json["runs"] == []


def test_a_tag_has_no_comma(tfcli, finished):
    finished(1, 0.5)
    assert tfcli("runs", "tag", "exp", "a,b").code == 2


def test_a_note_is_kept_beside_the_tags(tfcli, finished):
    run = finished(1, 0.5)
    tfcli("runs", "tag", "exp", "baseline")
    assert tfcli("runs", "note", "exp", "wider").code == 0
    assert tfcli("runs", "note", "exp").out == "wider\n"
    assert run.annotations() == {"tags": ["baseline"], "note": "wider"}


def test_a_removed_run_is_restored(tfcli, folder, finished):
    run = finished(1, 0.5)
    assert tfcli("runs", "remove", "exp", "--yes").code == 0
    assert not run.path.exists()
    assert tfcli("runs", "list", "--json").json["runs"] == []
    assert tfcli("runs", "restore").out.splitlines()[1].startswith("exp/20261101-000001-aaaa")
    assert tfcli("runs", "restore", "exp").out == f"runs/exp/{run.path.name}\n"
    assert run.summary()["monitor"] == "val_loss"


def test_an_empty_trash_restores_nothing(tfcli, finished):
    finished(1, 0.5)
    result = tfcli("runs", "restore", "exp")
    assert (result.code, "is empty" in result.err) == (2, True)


def test_a_restored_run_takes_no_others_place(tfcli, finished):
    run = finished(1, 0.5)
    tfcli("runs", "remove", "exp", "--yes")
    finished(1, 0.25)
    assert tfcli("runs", "restore", "exp").code == 1
    assert run.summary()["best"] == {"val_loss": 0.25}


def test_a_run_that_trains_is_not_removed(tfcli, finished):
    run = finished(1, 0.5)
    with run.lock():
        assert tfcli("runs", "remove", "exp", "--yes").code == 1
    assert run.path.is_dir()


def test_gc_shows_first_and_keeps_the_best(tfcli, folder, finished):
    for number, loss in enumerate((0.5, 0.25, 0.75, float("nan"))):
        finished(number, loss)
    shown = tfcli("runs", "gc", "--keep-best", "2", "--json").json
    assert left(folder) == ["0", "1", "2", "3"]
    assert ([run["run"][-6] for run in shown["runs"]], shown["removed"]) == (["2", "3"], False)
    assert shown["bytes"] == sum(run["bytes"] for run in shown["runs"]) > 0
    assert "reclaimed" in tfcli("runs", "gc", "--keep-best", "2", "--yes").err
    assert left(folder) == ["0", "1"]


def test_gc_takes_what_is_old_and_not_tagged_keep(tfcli, folder, finished):
    finished(1, 0.5, updated="2999-01-01T00:00:00+00:00")
    finished(2, 0.5)
    finished(3, 0.5).annotate(["keep"], "")
    assert tfcli("runs", "gc", "--older-than", "1d", "--yes").code == 0
    assert left(folder) == ["1", "3"]


def test_gc_empties_the_trash(tfcli, folder, finished):
    finished(1, 0.5)
    tfcli("runs", "remove", "exp", "--yes")
    assert tfcli("runs", "gc", "--trash", "--yes", "--json").json["removed"] is True
    assert tfcli("runs", "restore", "--json").json["trash"] == []


@pytest.mark.parametrize("words", [(), ("--older-than", "soon")])
def test_gc_must_know_what_may_go(tfcli, folder, finished, words):
    finished(1, 0.5)
    assert tfcli("runs", "gc", *words, "--yes").code == 2
    assert left(folder) == ["1"]


# reproduce and explain


def test_a_run_is_reproduced_to_the_byte(tfcli, trained):
    found = tfcli("runs", "reproduce", trained, "--json").json
    assert (found["exact"], found["first_epoch_that_differs"]) == (True, None)
    assert all(metric["drift"] == 0 for metric in found["metrics"])
    assert tfcli("runs", "note", found["run"]).out == f"reproduces flowers/{trained.name}\n"


def test_what_drifted_and_what_changed_is_told(tfcli, trained):
    run = RunDirectory(trained)
    run.write_environment(run.environment() | {"threads": 99, "data": {"bundled:iris": "other"}})
    rows = run.metrics()
    (trained / "metrics.jsonl").write_text(
        "".join(json.dumps(row | {"loss": row["loss"] + 0.5}) + "\n" for row in rows)
    )
    found = tfcli("runs", "reproduce", trained, "--json").json
    assert (found["exact"], found["same_weights"], found["first_epoch_that_differs"]) == (False, True, 1)
    assert next(m["drift"] for m in found["metrics"] if m["metric"] == "loss") == pytest.approx(0.5)
    assert {"threads", "data.bundled:iris"} <= {item["ingredient"] for item in found["changed"]}


def explained(tfcli, run, key):
    result = tfcli("runs", "explain", run, key, "--json")
    assert result.code == 0, result.err
    return result.json


def test_where_values_came_from(tfcli, folder):
    run = tfcli("train", "exp.yaml", "--set", "train.epochs=1", "--quiet").out.strip()
    written = explained(tfcli, run, "optimizer.learning_rate")
    assert written["origin"]["place"] == f"{folder}/exp.yaml:15:40"
    assert "learning_rate: 0.01" in written["origin"]["text"]
    assert explained(tfcli, run, "train.epochs")["origin"]["text"] == "--set train.epochs=1"
    assert explained(tfcli, run, "optimizer.beta_1")["origin"] is None


def test_a_searched_value_is_of_its_trial(tfcli, folder):
    text = (folder / "exp.yaml").read_text()
    space = "tune: {sampler: grid, space: {optimizer.learning_rate: {values: [0.1]}}}\n"
    (folder / "exp.yaml").write_text(text.replace("epochs: 2", "epochs: 1") + space)
    study = tfcli("tune", "exp.yaml", "--quiet").out.strip()
    origin = explained(tfcli, f"{study}/trials/0000", "optimizer.learning_rate")["origin"]
    assert (origin["kind"], origin["place"]) == ("search", "trial 0")


@pytest.mark.parametrize(
    ("key", "effect"),
    [
        ("optimizer.learning_rate", "after 3 steps the loss is"),
        ("optimizer.beta_1", "none: 0.9 is the default"),
        ("model.layers.dropout.rate", "it must be given"),
        ("data.split.test", "after 3 steps"),
        ("train.epochs", "training ended with epoch 2"),
        ("train.checkpoint", "what is written down"),
        ("train.terminate_on_nan", "none: the loss was always a number"),
        ("data.pipeline.batch.drop_remainder", "none: false is the default"),
    ],
)
def test_the_effect_of_a_value(tfcli, trained, key, effect):
    assert effect in explained(tfcli, trained, key)["effect"]


def test_early_stopping_that_never_stopped_had_no_effect(tfcli, folder):
    run = tfcli("train", "exp.yaml", "--set", "train.early_stopping.patience=9", "--quiet").out.strip()
    assert explained(tfcli, run, "train.early_stopping.patience")["effect"] == "none: all 2 epochs were trained"


def test_an_unknown_key_has_the_nearest(tfcli, trained):
    result = tfcli("runs", "explain", trained, "optimizer.learning_rat")
    assert (result.code, "did you mean `learning_rate`?" in result.err) == (2, True)
