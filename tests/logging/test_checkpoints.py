import hashlib
import json
import math
import re

import numpy as np
import pytest
from killing import FailingStorage, Killed, StoppingStorage

from tfcli.errors import CheckpointError
from tfcli.logging import durable
from tfcli.logging.checkpoints import Checkpoints, epoch_name, step_name


def tensors(value):
    weights = {"d/kernel": np.full((2, 3), value, np.float32), "d/bias": np.zeros(3, np.float32)}
    return {"model": weights, "optimizer": {"step": np.array(value, np.int64), "empty": np.zeros((0, 4))}}


def save(checkpoints, epoch, best=False):
    return checkpoints.save(epoch_name(epoch), tensors(epoch), {"epoch": epoch}, {"loss": 1.0 / epoch}, best)


def saved(directory, epochs, best=(), keep=3):
    checkpoints = Checkpoints(directory / "checkpoints", keep)
    for epoch in epochs:
        save(checkpoints, epoch, epoch in best)
    return checkpoints


def value(checkpoint):
    return float(checkpoint.tensors["model"]["d/kernel"][0, 0])


def damage(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def test_what_is_saved_is_loaded(tmp_path):
    state = {"epoch": 1, "best": math.inf, "wait": 0, "history": {"loss": [0.1, 0.2]}}
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save("epoch-0001", tensors(1), state, {"loss": 0.1}, best=True)
    checkpoint = Checkpoints(tmp_path).load()
    assert (checkpoint.name, checkpoint.path, checkpoint.warnings) == ("epoch-0001", path, [])
    assert checkpoint.state == state
    assert checkpoint.metrics == {"loss": 0.1}
    for group, arrays in tensors(1).items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(checkpoint.tensors[group][name], array, strict=True)


def test_names_sort_by_age():
    assert (epoch_name(3), step_name(1200)) == ("epoch-0003", "step-00001200")


def test_last_best_number_and_name(tmp_path):
    checkpoints = saved(tmp_path, [1, 2, 3], best=[2])
    found = [value(checkpoints.load(which)) for which in ("last", "best", 1, "2", "epoch-0003")]
    assert found == [3, 2, 1, 2, 3]


def test_equal_saves_are_equal_bytes(tmp_path):
    first, second = save(Checkpoints(tmp_path / "a"), 1), save(Checkpoints(tmp_path / "b"), 1)
    contents = [{file.name: file.read_bytes() for file in path.iterdir()} for path in (first, second)]
    assert contents[0] == contents[1]


def test_old_ones_go_but_never_the_best(tmp_path):
    assert saved(tmp_path, range(1, 8), best=[2], keep=3).names() == [epoch_name(n) for n in (2, 5, 6, 7)]


def test_two_stay_whatever_is_asked(tmp_path):
    assert saved(tmp_path, range(1, 5), keep=0).names() == ["epoch-0003", "epoch-0004"]


def test_epochs_and_steps_are_ordered_by_time(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    checkpoints.save(step_name(900), tensors(9), {}, None)
    assert checkpoints.names() == ["epoch-0001", "epoch-0002", "step-00000900"]
    assert value(checkpoints.load()) == 9


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"])
def test_a_damaged_last_falls_back_to_the_newest_whole_one(tmp_path, file):
    checkpoints = saved(tmp_path, [1, 2, 3])
    damaged = tmp_path / "checkpoints" / "epoch-0003" / file
    damaged.write_bytes(damaged.read_bytes()[:-2])
    checkpoint = checkpoints.load()
    assert value(checkpoint) == 2
    assert [file in warning for warning in checkpoint.warnings] == [True]


def test_one_flipped_bit_is_noticed(tmp_path):
    checkpoints = saved(tmp_path, [1, 2], best=[2])
    damage(tmp_path / "checkpoints" / "epoch-0002" / "model.safetensors")
    checkpoint = checkpoints.load("best")
    assert value(checkpoint) == 1
    assert "SHA-256" in checkpoint.warnings[0]


def test_a_missing_file_is_noticed(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    (tmp_path / "checkpoints" / "epoch-0002" / "state.json").unlink()
    assert value(checkpoints.load()) == 1


def test_all_damaged_is_an_error_that_names_each(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    for epoch in (1, 2):
        damage(tmp_path / "checkpoints" / epoch_name(epoch) / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"epoch-0002.*epoch-0001"):
        checkpoints.load()


def test_a_damaged_one_asked_for_by_number_is_an_error(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    damage(tmp_path / "checkpoints" / "epoch-0001" / "state.json")
    with pytest.raises(CheckpointError, match=r"state\.json"):
        checkpoints.load(1)


def test_an_unknown_one_is_an_error_with_those_there_are(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    with pytest.raises(CheckpointError, match=r"no checkpoint epoch-0009.*epoch-0001, epoch-0002"):
        checkpoints.load(9)
    with pytest.raises(CheckpointError, match=r"did you mean epoch-0002\?"):
        checkpoints.load("epoch-002")


def test_nothing_saved_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint was finished"):
        Checkpoints(tmp_path / "none").load()


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"last": 3, "best": null}'])
def test_a_lost_index_is_read_off_the_manifests(tmp_path, content):
    checkpoints = saved(tmp_path, [1, 2, 3], best=[2])
    index = tmp_path / "checkpoints" / "index.json"
    index.unlink() if content is None else index.write_bytes(content)
    assert (checkpoints.last, checkpoints.best) == ("epoch-0003", "epoch-0002")
    assert value(checkpoints.load("best")) == 2


def test_best_without_one_is_the_newest_and_says_so(tmp_path):
    checkpoint = saved(tmp_path, [1, 2]).load("best")
    assert value(checkpoint) == 2
    assert "marked as the best" in checkpoint.warnings[0]


def test_a_manifest_cannot_point_outside_its_directory(tmp_path):
    checkpoints = saved(tmp_path, [1])
    manifest = tmp_path / "checkpoints" / "epoch-0001" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"]["../index.json"] = {"size": 1, "sha256": ""}
    manifest.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(1)


@pytest.mark.parametrize("state", [b"{", b"[1]", b"\xff"])
def test_a_state_of_another_form_is_damage_whatever_its_digest(tmp_path, state):
    checkpoints = saved(tmp_path, [1, 2])
    directory = tmp_path / "checkpoints" / "epoch-0002"
    (directory / "state.json").write_bytes(state)
    content = json.loads((directory / "manifest.json").read_text())
    content["files"]["state.json"] = {"size": len(state), "sha256": hashlib.sha256(state).hexdigest()}
    del content["checksum"]
    content["checksum"] = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(content))
    checkpoint = checkpoints.load()
    assert value(checkpoint) == 1
    assert "state.json is damaged" in checkpoint.warnings[0]


def test_a_kill_at_any_operation_loses_at_most_the_new_checkpoint(tmp_path, monkeypatch):
    counting = StoppingStorage()
    counted = saved(tmp_path / "counted", [1, 2, 3], best=[1])
    monkeypatch.setattr(durable, "storage", counting)
    save(counted, 4, best=True)
    assert len(counting.log) > 15
    for stop in range(len(counting.log)):
        monkeypatch.setattr(durable, "storage", durable.Storage())
        checkpoints = saved(tmp_path / str(stop), [1, 2, 3], best=[1])
        monkeypatch.setattr(durable, "storage", StoppingStorage(stop))
        with pytest.raises(Killed):
            save(checkpoints, 4, best=True)
        monkeypatch.setattr(durable, "storage", durable.Storage())
        again = Checkpoints(checkpoints.directory)
        loaded = [again.load(which) for which in ("last", "best")]
        assert [value(checkpoint) for checkpoint in loaded] in ([3, 1], [4, 4])
        assert [checkpoint.warnings for checkpoint in loaded] == [[], []]
        save(again, 4, best=True)
        assert sorted(path.name for path in again.directory.iterdir())[0] == "epoch-0002"
        assert value(again.load()) == 4


def test_everything_is_synced_before_its_name_and_the_pointer_moves_last(tmp_path, monkeypatch):
    checkpoints = saved(tmp_path, [1, 2, 3])
    storage = StoppingStorage()
    monkeypatch.setattr(durable, "storage", storage)
    save(checkpoints, 4)
    log = [entry for entry in storage.log if entry.startswith(("sync", "replace"))]
    log = [re.sub(r"\.tmp-\w+-", "new ", entry) for entry in log]
    assert log == [
        "sync model.safetensors",
        "sync optimizer.safetensors",
        "sync state.json",
        "sync manifest.json",
        "sync new epoch-0004",
        "replace epoch-0004",
        "sync checkpoints",
        "sync new index.json",
        "replace index.json",
        "sync checkpoints",
        "replace new epoch-0001",
        "sync checkpoints",
    ]


def test_a_full_disk_leaves_the_earlier_ones(tmp_path, monkeypatch):
    checkpoints = saved(tmp_path, [1, 2])
    monkeypatch.setattr(durable, "storage", FailingStorage("write"))
    with pytest.raises(CheckpointError, match="the disk is full"):
        save(checkpoints, 3)
    assert checkpoints.names() == ["epoch-0001", "epoch-0002"]
    assert value(checkpoints.load()) == 2


def test_reading_leaves_what_another_process_is_writing(tmp_path):
    saved(tmp_path, [1])
    unfinished = tmp_path / "checkpoints" / ".tmp-0-epoch-0002"
    unfinished.mkdir()
    Checkpoints(tmp_path / "checkpoints").load()
    assert unfinished.exists()
    save(Checkpoints(tmp_path / "checkpoints"), 2)
    assert not unfinished.exists()
