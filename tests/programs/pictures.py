"""tf.image: resizing, cutting, turning, colours; augmentation within a dataset."""

import numpy as np

import tfcli as tf

picture = tf.reshape(tf.range(48, dtype=tf.float32), [4, 4, 3])
assert np.allclose(tf.image.resize(picture, [2, 2])[0, 0], [7.5, 8.5, 9.5])
assert tf.image.resize(tf.cast(picture, tf.uint8), (8, 8), method="nearest").dtype == tf.uint8
assert np.array_equal(tf.image.flip_left_right(picture), picture.numpy()[:, ::-1])
assert np.array_equal(tf.image.rot90(picture), np.rot90(picture))
assert tf.image.central_crop(picture, 0.5).shape == (2, 2, 3)
assert tf.image.resize_with_crop_or_pad(picture, 2, 6).shape == (2, 6, 3)
assert np.allclose(tf.image.per_image_standardization(picture).numpy().std(), 1, atol=1e-5)
bytes_ = tf.constant([[[0, 128, 255]]], tf.uint8)
assert np.allclose(tf.image.convert_image_dtype(bytes_, tf.float32), [[[0, 128 / 255, 1]]])
assert tf.image.adjust_brightness(bytes_, 0.1).numpy().tolist() == [[[25, 153, 255]]]
assert np.allclose(tf.image.adjust_contrast(picture, 2.0), 2 * picture - picture.numpy().mean((0, 1)))
assert np.allclose(tf.image.rgb_to_grayscale(picture)[0, 0], [0.587 + 2 * 0.114], atol=1e-4)
assert np.allclose(tf.image.hsv_to_rgb(tf.image.rgb_to_hsv(picture / 48)), picture / 48, atol=1e-5)
encoded = tf.io.encode_png(tf.cast(picture, tf.uint8))
assert np.array_equal(tf.io.decode_png(encoded), picture)


def augmented(image, label):
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_crop(image, [2, 2, 3])
    return tf.image.random_brightness(image, 0.1), label


tf.random.set_seed(1)
pictures = np.random.default_rng(0).random((10, 4, 4, 3)).astype("float32")
dataset = tf.data.Dataset.from_tensor_slices((pictures, np.arange(10))).map(augmented).batch(5)
for images, labels in dataset:
    assert images.shape == (5, 2, 2, 3) and labels.shape == (5,)
print("pictures")
