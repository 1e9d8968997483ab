"""Cases of the image preprocessing layers: in prediction those that are for training alone do nothing."""

from layer_cases import Case, case

RGB = (2, 6, 5, 3)

CASES: dict[str, list[Case]] = {
    "rescaling": [case("rescaling", (3, 4), scale=0.5, offset=1.0), case("rescaling", (2, 3), scale=[1.0, 2.0, 3.0])],
    "resizing": [
        case("resizing", RGB, height=4, width=7, keras_precision="float32"),
        case("resizing", RGB, height=3, width=2, interpolation="nearest", keras_precision="float32"),
        case("resizing", RGB, height=9, width=4, interpolation="bicubic", keras_precision="float32"),
        case("resizing", RGB, height=3, width=3, interpolation="area", keras_precision="float32", gradient=False),
        case("resizing", RGB, height=3, width=2, antialias=True, keras_precision="float32"),
        case("resizing", RGB, height=2, width=4, crop_to_aspect_ratio=True, keras_precision="float32"),
        case("resizing", RGB, height=2, width=4, pad_to_aspect_ratio=True, fill_value=0.5, keras_precision="float32"),
    ],
    "center_crop": [
        case("center_crop", RGB, height=3, width=2),
        case("center_crop", RGB, height=8, width=4, keras_precision="float32"),
    ],
    "contrast_limited_adaptive_histogram_equalization": [
        case(
            "contrast_limited_adaptive_histogram_equalization",
            (2, 6, 5, 3),
            value_range=[-1.0, 1.0],
            tile_grid_size=[2, 2],
            clip_limit=limit,
            gradient=False,
            keras=False,
        )
        for limit in (4.0, 40.0, 0.0)
    ],
    "auto_contrast": [case("auto_contrast", RGB, value_range=[-1.0, 1.0])],
    "random_flip": [case("random_flip", RGB)],
    "random_rotation": [case("random_rotation", RGB, factor=0.2)],
    "random_zoom": [case("random_zoom", RGB, height_factor=0.2, width_factor=[-0.3, 0.1])],
    "random_translation": [case("random_translation", RGB, height_factor=0.2, width_factor=0.3)],
    "random_shear": [case("random_shear", RGB, x_factor=0.2, y_factor=[0.1, 0.3])],
    "random_perspective": [case("random_perspective", RGB, scale=0.5)],
    "random_crop": [
        case("random_crop", RGB, height=6, width=5),
        case("random_crop", RGB, height=3, width=2),
    ],
    "random_contrast": [case("random_contrast", RGB, factor=0.2)],
    "random_brightness": [case("random_brightness", RGB, factor=0.2)],
    "random_hue": [case("random_hue", RGB, factor=0.2)],
    "random_saturation": [case("random_saturation", RGB, factor=0.2)],
    "random_grayscale": [case("random_grayscale", RGB)],
    "random_invert": [case("random_invert", RGB)],
    "random_color_jitter": [case("random_color_jitter", RGB, brightness_factor=0.2, contrast_factor=0.3)],
    "random_color_degeneration": [case("random_color_degeneration", RGB, factor=0.4)],
    "random_posterization": [case("random_posterization", RGB, factor=4)],
    "random_sharpness": [case("random_sharpness", RGB, factor=0.4)],
    "random_gaussian_blur": [case("random_gaussian_blur", RGB, kernel_size=[3, 5])],
    "random_elastic_transform": [case("random_elastic_transform", RGB)],
    "random_erasing": [case("random_erasing", RGB)],
    "equalization": [case("equalization", RGB, bins=16)],
    "mix_up": [case("mix_up", RGB)],
    "cut_mix": [case("cut_mix", RGB)],
    "rand_augment": [case("rand_augment", RGB, num_ops=1)],
    "aug_mix": [case("aug_mix", RGB, num_chains=2, chain_depth=1)],
    "solarization": [case("solarization", RGB, addition_factor=0.2, threshold_factor=0.5)],
}
