"""Names of TensorFlow 1 for what has another name, or other arguments, in TensorFlow 2."""

from typing import Any

from tfcli.engine.graph.session import session_graph
from tfcli.engine.ops import comparison, elementary, elementwise, nn, random, reduce
from tfcli.engine.tensor import Tensor, convert_to_tensor

random_normal, random_uniform, truncated_normal = random.normal, random.uniform, random.truncated_normal
random_shuffle, set_random_seed, multinomial = random.shuffle, random.set_seed, random.categorical
log, ceil, mod, floordiv, rsqrt = (
    elementary.log,
    elementwise.ceil,
    elementwise.floormod,
    elementwise.floordiv,
    elementary.rsqrt,
)
div = elementwise.divide
is_nan, is_inf, is_finite = comparison.is_nan, comparison.is_inf, comparison.is_finite


class GraphKeys:
    """The collections that graphs keep by themselves, and that programs fill."""

    GLOBAL_VARIABLES = "variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    UPDATE_OPS = "update_ops"
    REGULARIZATION_LOSSES = "regularization_losses"
    LOSSES = "losses"
    SUMMARIES = "summaries"


class ConfigProto:
    """Settings of a session for devices and threads, of which there is no choice here: they change nothing."""

    def __init__(self, **settings: Any) -> None:
        self.gpu_options = GPUOptions()
        self.__dict__.update(settings)


class GPUOptions:
    """As ConfigProto."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


def add_to_collection(name: str, value: Any) -> None:
    session_graph("add_to_collection").add_to_collection(name, value)


def get_collection(key: str, scope: str | None = None) -> list[Any]:
    return session_graph("get_collection").get_collection(key, scope)


def to_float(x: Any, name: str | None = None) -> Tensor:
    return elementwise.cast(x, "float32")


def to_int32(x: Any, name: str | None = None) -> Tensor:
    return elementwise.cast(x, "int32")


def to_int64(x: Any, name: str | None = None) -> Tensor:
    return elementwise.cast(x, "int64")


def _reduction(modern: Any) -> Any:
    def reduction(
        input_tensor: Any,
        axis: Any = None,
        keepdims: bool | None = None,
        name: str | None = None,
        reduction_indices: Any = None,
        keep_dims: bool | None = None,
    ) -> Tensor:
        axes = axis if reduction_indices is None else reduction_indices
        return modern(input_tensor, axes, keepdims=bool(keepdims or keep_dims))

    reduction.__name__, reduction.__doc__ = modern.__name__, modern.__doc__
    return reduction


reduce_sum, reduce_mean, reduce_prod = map(_reduction, (reduce.reduce_sum, reduce.reduce_mean, reduce.reduce_prod))
reduce_max, reduce_min = map(_reduction, (reduce.reduce_max, reduce.reduce_min))
reduce_any, reduce_all = map(_reduction, (reduce.reduce_any, reduce.reduce_all))


def argmax(input: Any, axis: int | None = None, name: str | None = None, dimension: int | None = None) -> Tensor:
    return reduce.argmax(input, (0 if dimension is None else dimension) if axis is None else axis)


def argmin(input: Any, axis: int | None = None, name: str | None = None, dimension: int | None = None) -> Tensor:
    return reduce.argmin(input, (0 if dimension is None else dimension) if axis is None else axis)


class losses:
    """tf.compat.v1.losses: means over a batch."""

    @staticmethod
    def mean_squared_error(labels: Any, predictions: Any, weights: Any = 1.0) -> Tensor:
        difference = elementwise.squared_difference(convert_to_tensor(predictions), convert_to_tensor(labels))
        return reduce.reduce_mean(difference * weights)

    @staticmethod
    def absolute_difference(labels: Any, predictions: Any, weights: Any = 1.0) -> Tensor:
        return reduce.reduce_mean(elementwise.abs_(convert_to_tensor(predictions) - labels) * weights)

    @staticmethod
    def softmax_cross_entropy(onehot_labels: Any, logits: Any, weights: Any = 1.0) -> Tensor:
        return reduce.reduce_mean(nn.softmax_cross_entropy_with_logits(labels=onehot_labels, logits=logits) * weights)

    @staticmethod
    def sparse_softmax_cross_entropy(labels: Any, logits: Any, weights: Any = 1.0) -> Tensor:
        return reduce.reduce_mean(nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits) * weights)

    @staticmethod
    def sigmoid_cross_entropy(multi_class_labels: Any, logits: Any, weights: Any = 1.0) -> Tensor:
        each = nn.sigmoid_cross_entropy_with_logits(labels=multi_class_labels, logits=logits)
        return reduce.reduce_mean(each * weights)
