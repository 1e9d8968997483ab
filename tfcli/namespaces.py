"""TensorFlow's public names and where each stands here: one table, from which `tfcli` and its namespaces are made.

`name=own` says that the public `name` is called `own` in its module. Nothing is imported before it is used.
"""

import functools
import inspect
from importlib import import_module
from types import ModuleType
from typing import Any

_ARITHMETIC = (
    "add subtract multiply divide maximum minimum negative sign square atan2 floor abs=abs_ pow=pow_ round=round_ "
    "truediv=divide"
)
_COMPARISON = "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not"
_ELEMENTARY = "sqrt exp sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid"
_REDUCE = (
    "reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_any reduce_all reduce_logsumexp "
    "argmax argmin cumsum"
)
_DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 half=float16 float16 float32 float64 double=float64 "
    "complex64 complex128 string"
)
_ASSERTIONS = "assert_equal assert_greater assert_less assert_rank"

NAMES: dict[str, dict[str, str]] = {
    "": {
        "engine.tensor": "Tensor Variable convert_to_tensor",
        "data.parsing": "SparseTensor",
        "data.ragged": "RaggedTensor RaggedTensorSpec",
        "engine.spec": "TensorSpec DType as_dtype TensorShape=Shape",
        "engine.indexed_slices": "IndexedSlices",
        "engine.devices": "device",
        "engine.tape": "GradientTape UnconnectedGradients gradients hessians",
        "engine.function": "function",
        "engine.module": "Module",
        "engine.dispatch": "constant=constant_here executing_eagerly init_scope",
        "engine.graph.session": "Graph=SessionGraph control_dependencies name_scope group no_op",
        "engine.ops.branch": "cond case switch_case",
        "engine.ops.loops": "while_loop map_fn vectorized_map scan foldl foldr",
        "engine.ops.custom": "custom_gradient recompute_grad",
        "engine.ops.tensor_array": "TensorArray",
        "engine.ops.elementwise": f"{_ARITHMETIC} stop_gradient identity cast clip_by_value",
        "engine.ops.comparison": _COMPARISON,
        "engine.ops.elementary": _ELEMENTARY,
        "engine.ops.shape": (
            "reshape transpose expand_dims squeeze shape broadcast_to zeros ones fill zeros_like ones_like"
        ),
        "engine.ops.join": "concat stack split unstack pad tile",
        "engine.ops.slicing": "reverse",
        "engine.ops.reduce": _REDUCE,
        "engine.ops.linalg": "matmul einsum tensordot",
        "engine.ops.index": (
            "gather gather_nd scatter_nd tensor_scatter_nd_update tensor_scatter_nd_add boolean_mask one_hot "
            "range=range_ linspace meshgrid"
        ),
        "engine.ops.order": "sort argsort searchsorted",
        "engine.ops.special": "truncatediv truncatemod",
        "engine.ops.complex": "complex=complex_",
        "engine.ops.decomposition": "norm eig eigvals",
        "engine.ops.mathematics": (
            "add_n scalar_mul unique unique_with_counts clip_by_norm clip_by_global_norm histogram_fixed_width "
            "histogram_fixed_width_bins"
        ),
        "engine.ops.arrange": (
            "repeat=repeat_ roll sequence_mask ensure_shape bitcast saturate_cast size rank identity_n slice=slice_ "
            "strided_slice where=where_ tensor_scatter_nd_sub tensor_scatter_nd_max tensor_scatter_nd_min "
            "dynamic_partition dynamic_stitch reverse_sequence unravel_index broadcast_static_shape "
            "broadcast_dynamic_shape shape_n eye is_tensor is_symbolic_tensor get_static_value "
            "space_to_batch space_to_batch_nd=space_to_batch batch_to_space"
        ),
        "engine.ops.strings": "as_string",
        "engine.ops.debugging": f"{_ASSERTIONS} Assert=assert_that print=print_ py_function numpy_function",
        "models.initializers": (
            "zeros_initializer=Zeros ones_initializer=Ones constant_initializer=Constant "
            "random_normal_initializer=RandomNormal random_uniform_initializer=RandomUniform"
        ),
        "engine.spec.DTYPES": _DTYPES,
    },
    "autograph": {},
    "autograph.experimental": {"engine.devices": "do_not_convert"},
    "config": {
        "engine.devices": "list_physical_devices list_logical_devices",
        "engine.function": "run_functions_eagerly functions_run_eagerly",
    },
    "image": {
        "engine.ops.pictures": (
            "ResizeMethod resize resize_with_crop_or_pad resize_with_pad central_crop crop_to_bounding_box "
            "pad_to_bounding_box flip_left_right flip_up_down transpose rot90 convert_image_dtype rgb_to_grayscale "
            "grayscale_to_rgb rgb_to_hsv hsv_to_rgb per_image_standardization adjust_brightness adjust_contrast "
            "adjust_gamma adjust_hue adjust_saturation random_flip_left_right random_flip_up_down random_brightness "
            "random_contrast random_saturation random_hue random_crop total_variation image_gradients psnr"
        ),
        "data.decode": ("decode_png decode_jpeg decode_bmp decode_image=decode_image_tensor encode_png encode_jpeg"),
    },
    "autodiff": {"engine.forward": "ForwardAccumulator"},
    "math": {
        "engine.ops.elementwise": (
            f"{_ARITHMETIC} squared_difference reciprocal ceil floordiv floormod mod=floormod divide_no_nan rint=round_"
        ),
        "engine.ops.comparison": f"{_COMPARISON} logical_xor is_nan is_inf is_finite",
        "engine.ops.elementary": f"{_ELEMENTARY} rsqrt expm1 log log1p softplus erf",
        "engine.ops.special": (
            "lgamma digamma zeta polygamma igamma igammac erfc ndtri erfinv erfcinv bessel_i0 bessel_i0e bessel_i1 "
            "bessel_i1e xlogy xlog1py xdivy multiply_no_nan nextafter lbeta reciprocal_no_nan"
        ),
        "engine.ops.mathematics": (
            "add_n accumulate_n scalar_mul zero_fraction polyval reduce_euclidean_norm is_non_decreasing "
            "is_strictly_increasing cumulative_logsumexp invert_permutation bincount confusion_matrix"
        ),
        "engine.ops.complex": "real imag conj angle",
        "engine.ops.reduce": f"{_REDUCE} cumprod reduce_variance reduce_std count_nonzero",
        "engine.ops.segment": (
            "segment_sum segment_mean segment_max segment_min unsorted_segment_sum unsorted_segment_mean "
            "unsorted_segment_max unsorted_segment_min"
        ),
        "engine.ops.order": "top_k in_top_k",
        "engine.ops.nn": "softmax log_softmax softsign l2_normalize",
        "engine.ops.nn_losses": "log_sigmoid",
    },
    "linalg": {
        "engine.ops.linalg": "matmul einsum tensordot band_part trace",
        "engine.ops.decomposition": (
            "inv solve triangular_solve cholesky cholesky_solve qr svd eigh eigvalsh eig eigvals det slogdet logdet "
            "lstsq pinv expm matrix_rank norm normalize matvec cross set_diag tensor_diag tensor_diag_part "
            "matrix_transpose diag=matrix_diag diag_part=matrix_diag_part"
        ),
        "engine.ops.complex": "adjoint",
        "engine.ops.mathematics": "global_norm",
        "engine.ops.arrange": "eye",
        "engine.ops.nn": "l2_normalize",
    },
    "nn": {
        "engine.ops.elementwise": "relu",
        "engine.ops.elementary": "sigmoid tanh softplus",
        "engine.ops.nn": (
            "softmax log_softmax softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits "
            "sigmoid_cross_entropy_with_logits batch_normalization moments l2_normalize leaky_relu elu selu gelu relu6 "
            "softsign dropout"
        ),
        "engine.ops.nn_windows": (
            "conv1d conv2d conv3d convolution atrous_conv2d conv1d_transpose conv2d_transpose conv3d_transpose "
            "depthwise_conv2d separable_conv2d max_pool=nn_max_pool max_pool1d max_pool2d max_pool3d "
            "avg_pool=nn_avg_pool avg_pool1d avg_pool2d avg_pool3d pool "
            "local_response_normalization lrn=local_response_normalization"
        ),
        "engine.ops.nn_losses": (
            "bias_add crelu silu=swish swish weighted_cross_entropy_with_logits log_poisson_loss embedding_lookup "
            "sufficient_statistics normalize_moments weighted_moments ctc_loss"
        ),
        "engine.ops.mathematics": "l2_loss zero_fraction",
        "engine.ops.arrange": "space_to_depth depth_to_space space_to_batch",
        "engine.ops.order": "top_k in_top_k",
    },
    "random": {
        "engine.ops.random": (
            "set_seed normal uniform truncated_normal shuffle categorical stateless_uniform stateless_normal"
        ),
        "engine.ops.distributions": (
            "gamma poisson stateless_truncated_normal stateless_categorical stateless_gamma stateless_poisson "
            "fold_in split Generator get_global_generator set_global_generator"
        ),
    },
    "random.experimental": {
        "engine.ops.distributions": (
            "Generator get_global_generator set_global_generator stateless_fold_in=fold_in stateless_split=split"
        ),
    },
    "signal": {
        "engine.ops.fourier": "fft ifft fft2d ifft2d fft3d ifft3d rfft irfft fftshift ifftshift",
        "engine.ops.signal": (
            "frame overlap_and_add hann_window hamming_window kaiser_window vorbis_window stft inverse_stft "
            "inverse_stft_window_fn linear_to_mel_weight_matrix mfccs_from_log_mel_spectrograms dct idct"
        ),
    },
    "strings": {
        "engine.ops.strings": (
            "lower upper strip regex_replace regex_full_match length substr to_number as_string to_hash_bucket "
            "to_hash_bucket_fast to_hash_bucket_strong join reduce_join split bytes_split unicode_split unicode_decode "
            "unicode_encode format"
        ),
    },
    "debugging": {
        "engine.ops.debugging": (
            f"{_ASSERTIONS} assert_none_equal assert_less_equal assert_greater_equal assert_positive assert_negative "
            "assert_non_negative assert_non_positive assert_near assert_rank_at_least assert_rank_in assert_scalar "
            "assert_integer assert_type assert_same_float_dtype assert_shapes assert_proper_iterable assert_all_finite "
            "is_numeric_tensor check_numerics Assert=assert_that"
        ),
    },
    "bitwise": {
        "engine.ops.bitwise": "bitwise_and bitwise_or bitwise_xor left_shift right_shift invert",
    },
    "dtypes": {
        "engine.spec": "DType as_dtype",
        "engine.spec.DTYPES": _DTYPES,
        "engine.ops.elementwise": "cast",
        "engine.ops.complex": "complex=complex_",
        "engine.ops.arrange": "saturate_cast",
    },
    "io": {
        "engine.ops.strings": "decode_raw read_file write_file",
        "data.decode": (
            "decode_png decode_jpeg decode_bmp decode_image=decode_image_tensor encode_png encode_jpeg "
            "serialize_tensor parse_tensor"
        ),
        "data.parsing": "FixedLenFeature VarLenFeature FixedLenSequenceFeature parse_example parse_single_example",
        "data.records.frames": "TFRecordWriter=RecordWriter TFRecordOptions=RecordOptions",
    },
    "train": {
        "data.records.messages": (
            "BytesList FloatList Int64List Feature Features FeatureList FeatureLists Example SequenceExample"
        ),
        "saved_model.checkpoints": "Checkpoint CheckpointManager latest_checkpoint list_variables load_variable",
    },
    "audio": {
        "data.decode": "decode_wav encode_wav",
    },
    "sparse": {
        "data.parsing": "SparseTensor to_dense",
    },
    "ragged": {
        "data.ragged": "constant map_flat_values stack",
    },
    "nest": {
        "engine.nest": "assert_same_structure flatten=flatten_sorted is_nested map_structure pack_sequence_as",
    },
}
"""Namespace -> module (within tfcli) -> its public names."""

MODULES = {
    "compat": "compat",
    "data": "data",
    "errors": "errors",
    "keras": "keras",
    "saved_model": "saved_model",
    "summary": "logging.summary",
    "optimizers": "keras.optimizers",
    "losses": "keras.losses",
    "metrics": "keras.metrics",
    "initializers": "keras.initializers",
}
"""Namespaces that are modules of their own."""


def _places(space: str) -> dict[str, tuple[str, str]]:
    entries = (
        (entry.partition("="), module) for module, names in NAMES.get(space, {}).items() for entry in names.split()
    )
    return {public: (module, own or public) for (public, _, own), module in entries}


PLACES = {space: _places(space) for space in NAMES}


def public_names(space: str) -> list[str]:
    """The names of a namespace ("" is the top), with the namespaces below it."""
    prefix = f"{space}." if space else ""
    below = {s.removeprefix(prefix).partition(".")[0] for s in [*NAMES, *MODULES] if s and s.startswith(prefix)}
    return sorted({*PLACES.get(space, {}), *below})


def lookup(space: str, name: str) -> Any:
    """What `name` stands for in a namespace. Raises AttributeError."""
    inner = f"{space}.{name}" if space else name
    if inner in MODULES:
        return import_module(f"tfcli.{MODULES[inner]}")
    if inner in NAMES:
        return Namespace(inner)
    if name not in PLACES.get(space, {}):
        raise AttributeError(_unknown(space, name))
    module, own = PLACES[space][name]
    if module.endswith(".DTYPES"):
        return import_module(f"tfcli.{module.removesuffix('.DTYPES')}").DTYPES[own]
    return _labelled(getattr(import_module(f"tfcli.{module}"), own))


def _labelled(value: Any) -> Any:
    """A function that also takes TensorFlow's `name=`, by which a session's graph knows the result."""
    if not inspect.isfunction(value):
        return value
    from tfcli.engine.dispatch import labelled_as

    parameters = inspect.signature(value).parameters
    if "name" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return value

    @functools.wraps(value)
    def labelled(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
        return labelled_as(name, value(*args, **kwargs))

    return labelled


def _unknown(space: str, name: str) -> str:
    from tfcli.declare import nearest

    hint = nearest(name, public_names(space))
    where = f"tf.{space}" if space else "tf"
    return f"{where} has no {name!r}; {hint or 'docs/tensorflow_names.md lists the names there are'}"


class Namespace(ModuleType):
    """tf.math and its like: names that are looked up when they are first used."""

    def __init__(self, space: str) -> None:
        super().__init__(f"tfcli.{space}", f"TensorFlow's tf.{space}, as far as tfcli has it.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = lookup(self.__name__.partition(".")[2], name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return public_names(self.__name__.partition(".")[2])
