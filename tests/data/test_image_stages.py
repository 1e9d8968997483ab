"""Preprocessing of images as stages: in training only, and by seed, epoch and position alone."""

from pathlib import Path

import numpy as np
import pytest

from tfcli.data.pipeline import Pipeline, Split
from tfcli.data.spec import DataSpec
from tfcli.data.stage import Batch, Context
from tfcli.errors import DataError

IMAGES = np.random.default_rng(0).random((21, 6, 5, 3)).astype(np.float32)


def split_of(*stages: dict | str, x: np.ndarray = IMAGES, seed: int = 0) -> Split:
    spec = DataSpec(source={"type": "npz", "path": "unused.npz"}, pipeline=list(stages))
    return Split(Batch({"x": x}), Pipeline(spec.pipeline, Context("", Path(), seed), {}))


def epoch(split: Split, number: int = 0, start: int = 0, training: bool = True) -> np.ndarray:
    return np.concatenate([batch.inputs["x"] for batch in split.batches(number, start, training)])


RANDOM = [
    {"type": "random_flip", "mode": "horizontal"},
    {"type": "random_rotation", "factor": 0.2},
    {"type": "random_zoom", "height_factor": 0.3},
    {"type": "random_translation", "height_factor": 0.3, "width_factor": 0.3},
    {"type": "random_contrast", "factor": 0.5, "value_range": [0, 1]},
    {"type": "random_brightness", "factor": 0.5, "value_range": [0, 1]},
    {"type": "random_hue", "factor": 0.5, "value_range": [0, 1]},
    {"type": "random_saturation", "factor": [0.2, 0.8], "value_range": [0, 1]},
    {"type": "random_shear", "x_factor": 0.4},
    {"type": "random_perspective", "scale": 0.6},
    {"type": "random_color_jitter", "value_range": [0, 1], "brightness_factor": 0.3, "contrast_factor": 0.4},
    {"type": "random_color_degeneration", "factor": 0.6, "value_range": [0, 1]},
    {"type": "random_posterization", "factor": 4, "value_range": [0, 1]},
    {"type": "random_sharpness", "factor": 0.9, "value_range": [0, 1]},
    {"type": "random_gaussian_blur", "value_range": [0, 1]},
    {"type": "random_elastic_transform", "value_range": [0, 1]},
    {"type": "random_erasing", "value_range": [0, 1]},
    {"type": "rand_augment", "value_range": [0, 1]},
    {"type": "aug_mix", "value_range": [0, 1], "num_chains": 2, "chain_depth": 1},
    {"type": "random_grayscale"},
    {"type": "random_invert", "factor": 0.8, "value_range": [0, 1]},
    {"type": "solarization", "threshold_factor": 0.9, "value_range": [0, 1]},
]


@pytest.mark.parametrize("stage", RANDOM, ids=lambda stage: stage["type"])
def test_augmentation_is_for_training_alone_and_new_each_epoch(stage):
    split = split_of(stage)
    assert np.array_equal(epoch(split, training=False), IMAGES)
    assert not np.array_equal(epoch(split), IMAGES)
    assert not np.array_equal(epoch(split), epoch(split, 1))
    assert np.array_equal(epoch(split, 1), epoch(split_of(stage), 1))
    assert epoch(split).min() >= -1e-5
    assert epoch(split).max() <= 1 + 1e-5


PER_BATCH = {"random_gaussian_blur", "random_elastic_transform", "rand_augment", "aug_mix"}
"""What is drawn for a batch as a whole; before `batch` each example is one."""


@pytest.mark.parametrize("stage", RANDOM, ids=lambda stage: stage["type"])
def test_augmentation_depends_on_neither_the_batch_size_nor_where_an_epoch_starts(stage):
    fives, eights = (split_of(stage, {"type": "batch", "batch_size": size}) for size in (5, 8))
    np.testing.assert_allclose(epoch(fives), epoch(eights), atol=1e-6)
    np.testing.assert_allclose(epoch(fives, 0, start=2), epoch(fives)[10:], atol=1e-6)


def test_a_flip_turns_about_half_of_the_images():
    x = np.broadcast_to(np.arange(4.0, dtype=np.float32)[None, None, :, None], (2000, 1, 4, 1)).copy()
    flipped = epoch(split_of({"type": "random_flip", "mode": "horizontal"}, x=x))[:, 0, 0, 0] == 3
    assert 900 < flipped.sum() < 1100


def test_crops_are_parts_of_the_image_and_the_middle_outside_training():
    x = np.broadcast_to(np.arange(30.0, dtype=np.float32).reshape(1, 6, 5, 1), (300, 6, 5, 1)).copy()
    split = split_of({"type": "random_crop", "height": 3, "width": 2}, x=x)
    corners = set(epoch(split)[:, 0, 0, 0].astype(int).tolist())
    assert corners == {5 * row + column for row in range(4) for column in range(4)}
    assert np.array_equal(epoch(split, training=False), x[:, 1:4, 1:3])


def test_after_batch_a_crop_is_the_same_for_the_whole_batch():
    x = np.broadcast_to(np.arange(30.0, dtype=np.float32).reshape(1, 6, 5, 1), (64, 6, 5, 1)).copy()
    split = split_of({"type": "batch", "batch_size": 16}, {"type": "random_crop", "height": 3, "width": 2}, x=x)
    for batch in split.batches(training=True):
        assert len(np.unique(batch.inputs["x"][:, 0, 0, 0])) == 1


def test_resizing_keeps_bytes():
    resized = epoch(split_of({"type": "resizing", "height": 3, "width": 4}, x=(IMAGES * 255).astype(np.uint8)))
    assert resized.dtype == np.uint8
    assert resized.shape == (21, 3, 4, 3)


def test_images_without_channels_are_refused():
    with pytest.raises(DataError, match=r"\(random_flip\): input 'x': expected images"):
        epoch(split_of("random_flip", x=IMAGES[..., 0]))


LABELS = np.eye(3, dtype=np.float32)[np.arange(12) % 3]


def mixed(stage: dict, labels: np.ndarray = LABELS, before: tuple[dict, ...] = ({"type": "batch", "batch_size": 6},)):
    """The first batch of images that are 0, 1, 2, … all over, and its labels."""
    images = np.broadcast_to(np.arange(12, dtype=np.float32)[:, None, None, None], (12, 8, 8, 1)).copy()
    spec = DataSpec(source={"type": "npz", "path": "unused.npz"}, pipeline=[*before, stage])
    split = Split(Batch({"x": images}, {"y": labels}), Pipeline(spec.pipeline, Context("", Path(), 3), {}))
    batch = next(iter(split.batches(0, training=True)))
    return batch.inputs["x"], batch.targets["y"]


@pytest.mark.parametrize("stage", [{"type": "mix_up", "alpha": 0.8}, {"type": "cut_mix"}], ids=lambda s: s["type"])
def test_mixing_mixes_labels_as_much_as_images(stage):
    images, labels = mixed(stage)
    numbers = images.reshape(6, -1)
    own = np.arange(6)
    assert np.allclose(labels.sum(axis=1), 1)
    assert (labels.max(axis=1) < 1).any()
    for i in range(6):
        others = [v for v in np.unique(numbers[i]) if v != own[i]]
        if stage["type"] == "cut_mix" and others and int(others[0]) % 3 != i % 3:
            kept = (numbers[i] == own[i]).mean()
            assert abs(labels[i, i % 3] - kept) < 0.3  # rectangles end between pixels
        if stage["type"] == "mix_up" and others:
            assert 0 <= others[0] <= 5


def test_class_numbers_cannot_be_mixed():
    with pytest.raises(DataError, match="one_hot"):
        mixed({"type": "mix_up"}, np.arange(12) % 3)


def test_single_examples_cannot_be_mixed():
    with pytest.raises(DataError, match="behind the stage `batch`"):
        mixed({"type": "mix_up"}, before=())


def test_equalization_is_by_image_before_batch_and_by_batch_behind_it():
    stage = {"type": "equalization", "value_range": [0, 1]}
    alone = epoch(split_of(stage))
    together = epoch(split_of({"type": "batch", "batch_size": 21}, stage))
    for images, parts in ((alone, IMAGES), (together[None], IMAGES[None])):
        order = parts.reshape(len(parts), -1, 3).argsort(axis=1)
        assert (np.diff(np.take_along_axis(images.reshape(len(parts), -1, 3), order, 1), axis=1) >= -1e-5).all()
        assert np.allclose(images.reshape(len(parts), -1, 3).max(axis=1), 1, atol=1e-5)
    assert not np.allclose(alone, together)
