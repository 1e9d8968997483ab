"""Cases of the layers over vectors, images and volumes."""

from layer_cases import Case, case


def convolutions(name: str, rank: int, **fields: object) -> list[Case]:
    """Settings of a convolution in `rank` dimensions; `fields` are those that all need."""
    sizes = (7, 6, 5)[:rank]
    x, one = (2, *sizes, 4), (1, *sizes, 4)
    cases = [
        case(name, x, kernel_size=3, **fields),
        case(name, x, kernel_size=[3, 2, 2][:rank], strides=2, padding="same", activation="tanh", **fields),
        case(name, one, kernel_size=2, padding="valid", use_bias=False, strides=[2, 1, 3][:rank], **fields),
    ]
    if rank < 3 and not name.endswith("transpose"):
        cases.append(case(name, one, kernel_size=2, dilation_rate=2, padding="same", **fields))
    return cases


def transposed(name: str, rank: int) -> list[Case]:
    sizes = (4, 3, 2)[:rank]
    x = (1, *sizes, 2)
    return [
        case(name, x, filters=3, kernel_size=3),
        case(name, x, filters=2, kernel_size=[3, 2, 2][:rank], strides=2, padding="same", activation="tanh"),
        case(name, x, filters=2, kernel_size=2, strides=3, padding="valid", use_bias=False),
        case(name, x, filters=1, kernel_size=3, strides=2, padding="same", output_padding=1),
        case(name, x, filters=1, kernel_size=3, strides=2, padding="valid", output_padding=0),
    ]


def windows(name: str, rank: int) -> list[Case]:
    sizes, precision = (7, 6, 5)[:rank], "float32" if rank == 3 else "float64"
    return [
        case(name, (2, *sizes, 3), pool_size=2, keras_precision=precision),
        case(name, (1, *sizes, 2), pool_size=3, strides=2, padding="same", keras_precision=precision),
        case(name, (1, *sizes, 1), pool_size=[3, 2, 2][:rank], strides=1, keras_precision=precision),
    ]


def whole(name: str, rank: int) -> list[Case]:
    sizes = (5, 4, 3)[:rank]
    return [case(name, (2, *sizes, 3)), case(name, (2, *sizes, 3), keepdims=True)]


def adaptive(name: str, rank: int) -> list[Case]:
    precision = "float32" if rank == 3 else "float64"
    return [
        case(name, (2, *(7, 5, 4)[:rank], 2), output_size=3, keras_precision=precision),
        case(name, (1, *(6, 4, 3)[:rank], 2), output_size=[2, 3, 1][:rank], keras_precision=precision),
    ]


def merged(name: str) -> list[Case]:
    return [case(name, (2, 3, 4), (2, 3, 4)), case(name, (2, 3, 4), (2, 1, 4)), case(name, (2, 3, 4), (2, 4))]


def random(name: str, *shape: int, **fields: object) -> list[Case]:
    """In prediction these layers do nothing; what they do in training depends on chance."""
    return [case(name, shape, **fields)]


CASES: dict[str, list[Case]] = {
    "random_fourier_features": [case("random_fourier_features", (2, 3), output_dim=4, keras=False)],
    # core
    "dense": [
        case("dense", (3, 4), units=5),
        case("dense", (2, 3, 4), units=2, activation="gelu", use_bias=False),
    ],
    "einsum_dense": [
        case("einsum_dense", (3, 4), equation="ab,bc->ac", output_shape=5, bias_axes="c"),
        case(
            "einsum_dense", (2, 3, 4), equation="abc,cd->abd", output_shape=[None, 5], bias_axes="d", activation="tanh"
        ),
        case("einsum_dense", (2, 3, 4), equation="...x,xy->...y", output_shape=5, bias_axes="y"),
        case("einsum_dense", (2, 3, 4), equation="ab...,bc->ac...", output_shape=2, bias_axes="c"),
        case("einsum_dense", (2, 3, 4), equation="abc,cde->abde", output_shape=[3, 2, 5], bias_axes="be"),
        case("einsum_dense", (2, 3, 4), equation="abc,bcd->ad", output_shape=[2]),
    ],
    "activation": [case("activation", (3, 4), activation="softplus")],
    "identity": [case("identity", (3, 4))],
    "lambda": [case("lambda", (3, 4), function="layer_cases:doubled", keras=False)],
    # activations
    "relu": [
        case("relu", (3, 4)),
        case("relu", (3, 4), max_value=0.6, negative_slope=0.2, threshold=0.1),
        case("relu", (3, 4), negative_slope=0.3),
        case("relu", (3, 4), threshold=0.3),
    ],
    "leaky_relu": [case("leaky_relu", (3, 4)), case("leaky_relu", (3, 4), negative_slope=0.05)],
    "prelu": [
        case("prelu", (3, 4)),
        case("prelu", (2, 3, 2, 4), shared_axes=[1, 2]),
        case("prelu", (2, 3, 4), shared_axes=1),
    ],
    "elu": [case("elu", (3, 4)), case("elu", (3, 4), alpha=0.4)],
    "softmax": [
        case("softmax", (3, 4)),
        case("softmax", (2, 3, 4), axis=1),
        case("softmax", (2, 3, 4), axis=[1, 2]),
        case("softmax", (2, 5), masked=True),
    ],
    "activity_regularization": [case("activity_regularization", (3, 4), l1=0.1, l2=0.2)],
    # convolution
    "conv1d": [
        *convolutions("conv1d", 1, filters=3),
        case("conv1d", (2, 7, 4), filters=3, kernel_size=3, padding="causal", dilation_rate=2),
        case("conv1d", (2, 7, 4), filters=6, kernel_size=2, groups=2),
    ],
    "conv2d": [
        *convolutions("conv2d", 2, filters=3),
        case("conv2d", (1, 4, 5, 4), filters=6, kernel_size=2, groups=2),
        case("conv2d", (1, 4, 5, 4), filters=4, kernel_size=3, groups=4, padding="same"),
    ],
    "conv3d": convolutions("conv3d", 3, filters=2),
    "conv1d_transpose": transposed("conv1d_transpose", 1),
    "conv2d_transpose": transposed("conv2d_transpose", 2),
    "conv3d_transpose": transposed("conv3d_transpose", 3),
    "depthwise_conv1d": convolutions("depthwise_conv1d", 1, depth_multiplier=2),
    "depthwise_conv2d": [
        case("depthwise_conv2d", (2, 5, 6, 3), kernel_size=3),
        case("depthwise_conv2d", (1, 5, 6, 3), kernel_size=[3, 2], strides=2, padding="same", depth_multiplier=2),
        case("depthwise_conv2d", (1, 6, 6, 2), kernel_size=2, dilation_rate=2, use_bias=False, activation="relu"),
    ],
    "separable_conv1d": [
        case("separable_conv1d", (2, 7, 3), filters=4, kernel_size=3),
        case("separable_conv1d", (2, 7, 3), filters=4, kernel_size=2, strides=2, padding="same", depth_multiplier=2),
    ],
    "separable_conv2d": [
        case("separable_conv2d", (2, 5, 6, 3), filters=4, kernel_size=3),
        case("separable_conv2d", (1, 5, 6, 3), filters=2, kernel_size=2, strides=2, padding="same", depth_multiplier=2),
        case(
            "separable_conv2d",
            (1, 6, 6, 2),
            filters=2,
            kernel_size=2,
            dilation_rate=2,
            activation="tanh",
            use_bias=False,
        ),
    ],
    # pooling
    "max_pooling1d": windows("max_pooling1d", 1),
    "max_pooling2d": [*windows("max_pooling2d", 2), case("max_pooling2d", (1, 4, 4, 2))],
    "max_pooling3d": windows("max_pooling3d", 3),
    "average_pooling1d": windows("average_pooling1d", 1),
    "average_pooling2d": windows("average_pooling2d", 2),
    "average_pooling3d": windows("average_pooling3d", 3),
    "global_average_pooling1d": [
        *whole("global_average_pooling1d", 1),
        case("global_average_pooling1d", (2, 5, 3), masked=True),
        case("global_average_pooling1d", (2, 5, 3), masked=True, keepdims=True),
    ],
    "global_average_pooling2d": whole("global_average_pooling2d", 2),
    "global_average_pooling3d": whole("global_average_pooling3d", 3),
    "global_max_pooling1d": whole("global_max_pooling1d", 1),
    "global_max_pooling2d": whole("global_max_pooling2d", 2),
    "global_max_pooling3d": whole("global_max_pooling3d", 3),
    "adaptive_average_pooling1d": adaptive("adaptive_average_pooling1d", 1),
    "adaptive_average_pooling2d": adaptive("adaptive_average_pooling2d", 2),
    "adaptive_average_pooling3d": adaptive("adaptive_average_pooling3d", 3),
    "adaptive_max_pooling1d": adaptive("adaptive_max_pooling1d", 1),
    "adaptive_max_pooling2d": adaptive("adaptive_max_pooling2d", 2),
    "adaptive_max_pooling3d": adaptive("adaptive_max_pooling3d", 3),
    # normalization
    "batch_normalization": [
        case("batch_normalization", (6, 4)),
        case("batch_normalization", (6, 4), training=True, momentum=0.8),
        case("batch_normalization", (2, 3, 3, 4), training=True, epsilon=0.01, scale=False),
        case("batch_normalization", (2, 3, 4), training=True, axis=1, center=False),
        case("batch_normalization", (3, 5, 4), training=True, masked=True),
    ],
    "layer_normalization": [
        case("layer_normalization", (3, 4)),
        case("layer_normalization", (2, 3, 4), axis=[1, 2], epsilon=0.01),
        case("layer_normalization", (2, 3, 4), axis=1, center=False),
        case("layer_normalization", (2, 3, 4), scale=False),
    ],
    "group_normalization": [
        case("group_normalization", (2, 3, 6), groups=3),
        case("group_normalization", (2, 3, 2, 4), groups=2, axis=-1, epsilon=0.01, scale=False),
        case("group_normalization", (2, 4, 3), groups=2, axis=1),
        case("group_normalization", (2, 3, 4), groups=-1, center=False),
    ],
    "rms_normalization": [
        case("rms_normalization", (3, 4)),
        case("rms_normalization", (2, 3, 4), axis=[1, 2], epsilon=0.01),
    ],
    "unit_normalization": [case("unit_normalization", (3, 4)), case("unit_normalization", (2, 3, 4), axis=1)],
    "spectral_normalization": [
        case("spectral_normalization", (3, 4), layer={"type": "dense", "units": 5}),
        case("spectral_normalization", (3, 4), layer={"type": "dense", "units": 5}, training=True, power_iterations=2),
        case(
            "spectral_normalization",
            (1, 4, 4, 2),
            layer={"type": "conv2d", "filters": 3, "kernel_size": 2},
            training=True,
        ),
    ],
    # regularization
    "dropout": random("dropout", 3, 4, rate=0.5, noise_shape=[None, 1], seed=1),
    "spatial_dropout1d": random("spatial_dropout1d", 2, 3, 4, rate=0.5),
    "spatial_dropout2d": random("spatial_dropout2d", 2, 3, 3, 2, rate=0.5, seed=3),
    "spatial_dropout3d": random("spatial_dropout3d", 2, 2, 2, 2, 2, rate=0.5),
    "gaussian_noise": random("gaussian_noise", 3, 4, stddev=0.5),
    "gaussian_dropout": random("gaussian_dropout", 3, 4, rate=0.5),
    "alpha_dropout": random("alpha_dropout", 3, 4, rate=0.5),
    # merging
    "add": [*merged("add"), case("add", (2, 3), (2, 3), (2, 3))],
    "subtract": merged("subtract"),
    "multiply": [*merged("multiply"), case("multiply", (2, 3, 4), (2, 3, 4), masked=True)],
    "average": [*merged("average"), case("average", (2, 3), (2, 3), (2, 3))],
    "maximum": [*merged("maximum"), case("maximum", (2, 3, 4), (2, 3, 4), masked=True)],
    "minimum": [*merged("minimum"), case("minimum", (2, 3, 4), (2, 3, 4), (2, 3, 4), masked=True)],
    "concatenate": [
        case("concatenate", (2, 3, 4), (2, 3, 2)),
        case("concatenate", (2, 3, 4), (2, 1, 4), (2, 2, 4), axis=1),
    ],
    "dot": [
        case("dot", (2, 3, 4), (2, 5, 4), axes=2),
        case("dot", (2, 4), (2, 4), axes=1),
        case("dot", (2, 3, 4), (2, 4), axes=[2, 1]),
        case("dot", (2, 4), (2, 4), axes=-1, normalize=True),
        case("dot", (2, 3, 4), (2, 4, 5), axes=[-1, 1], normalize=True),
        case("dot", (2, 3, 2, 4), (2, 2, 5), axes=[2, 1]),
    ],
    # reshaping
    "flatten": [case("flatten", (2, 3, 4)), case("flatten", (3,))],
    "reshape": [case("reshape", (2, 3, 4), target_shape=[-1, 6]), case("reshape", (2, 6), target_shape=[3, 2])],
    "permute": [case("permute", (2, 3, 4), dims=[2, 1]), case("permute", (2, 3, 4, 5), dims=[3, 1, 2])],
    "repeat_vector": [case("repeat_vector", (2, 3), n=4)],
    "cropping1d": [
        case("cropping1d", (2, 5, 3)),
        case("cropping1d", (2, 5, 3), cropping=[2, 0]),
        case("cropping1d", (2, 5, 3), cropping=2),
    ],
    "cropping2d": [
        case("cropping2d", (1, 5, 6, 2)),
        case("cropping2d", (1, 5, 6, 2), cropping=1),
        case("cropping2d", (1, 5, 6, 2), cropping=[1, 2]),
        case("cropping2d", (1, 5, 6, 2), cropping=[[0, 1], [2, 0]]),
    ],
    "cropping3d": [
        case("cropping3d", (1, 4, 3, 5, 2)),
        case("cropping3d", (1, 4, 3, 5, 2), cropping=[[0, 1], [1, 1], [2, 0]]),
    ],
    "zero_padding1d": [case("zero_padding1d", (2, 3, 2)), case("zero_padding1d", (2, 3, 2), padding=[0, 2])],
    "zero_padding2d": [
        case("zero_padding2d", (1, 2, 3, 2)),
        case("zero_padding2d", (1, 2, 3, 2), padding=2),
        case("zero_padding2d", (1, 2, 3, 2), padding=[[0, 1], [2, 0]]),
    ],
    "zero_padding3d": [
        case("zero_padding3d", (1, 2, 2, 1, 2)),
        case("zero_padding3d", (1, 2, 2, 1, 1), padding=[2, 0, 1]),
    ],
    "up_sampling1d": [case("up_sampling1d", (2, 3, 2)), case("up_sampling1d", (2, 3, 2), size=3)],
    "up_sampling2d": [
        case("up_sampling2d", (1, 3, 4, 2)),
        case("up_sampling2d", (1, 3, 2, 2), size=[2, 3]),
        case("up_sampling2d", (1, 3, 4, 2), interpolation="bilinear", keras_precision="float32"),
        case("up_sampling2d", (1, 4, 3, 1), size=[2, 3], interpolation="bicubic", keras_precision="float32"),
        case("up_sampling2d", (1, 4, 3, 1), interpolation="lanczos3", keras_precision="float32"),
        case("up_sampling2d", (1, 4, 3, 1), interpolation="lanczos5", keras_precision="float32"),
    ],
    "up_sampling3d": [case("up_sampling3d", (1, 2, 2, 1, 2)), case("up_sampling3d", (1, 2, 1, 2, 1), size=[1, 2, 3])],
}
