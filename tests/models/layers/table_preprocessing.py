"""Cases of the preprocessing layers: in prediction those that are random do nothing, or crop the middle."""

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
    "auto_contrast": [case("auto_contrast", RGB, value_range=[-1.0, 1.0])],
    "random_flip": [case("random_flip", RGB)],
    "random_rotation": [case("random_rotation", RGB, factor=0.2)],
    "random_zoom": [case("random_zoom", RGB, height_factor=0.2, width_factor=[-0.3, 0.1])],
    "random_translation": [case("random_translation", RGB, height_factor=0.2, width_factor=0.3)],
    "random_crop": [case("random_crop", RGB, height=3, width=2, keras=False)],
    "random_contrast": [case("random_contrast", RGB, factor=0.2)],
    "random_brightness": [case("random_brightness", RGB, factor=0.2)],
    "random_hue": [case("random_hue", RGB, factor=0.2)],
    "random_saturation": [case("random_saturation", RGB, factor=0.2)],
    "random_grayscale": [case("random_grayscale", RGB)],
    "random_invert": [case("random_invert", RGB)],
    "solarization": [case("solarization", RGB, addition_factor=0.2, threshold_factor=0.5)],
}
