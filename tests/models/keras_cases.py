"""What is compared with Keras: inputs, and settings to try for each class. `record_keras.py` and the tests read it."""

import numpy as np

_random = np.random.default_rng(7)


def _normal(*shape):
    return _random.normal(0, 1.5, shape).astype(np.float32)


def _probabilities(*shape):
    values = np.exp(_normal(*shape))
    return (values / values.sum(-1, keepdims=True)).astype(np.float32)


_labels = _random.integers(0, 4, 12)
INPUTS = {
    # name: (y_true, y_pred)
    "numbers": (_normal(12, 3), _normal(12, 3)),
    "positive": (np.abs(_normal(12, 3)), np.abs(_normal(12, 3))),
    "column": (_normal(12), _normal(12, 1)),
    "steps": (_normal(12, 5, 2), _normal(12, 5, 2)),
    "binary": (_random.integers(0, 2, (12, 1)).astype(np.float32), _random.uniform(0, 1, (12, 1)).astype(np.float32)),
    "binary_flat": (_random.integers(0, 2, 12), _random.uniform(0, 1, (12, 1)).astype(np.float32)),
    "binary_logits": (_random.integers(0, 2, (12, 1)).astype(np.float32), _normal(12, 1)),
    "multi_label": (
        _random.integers(0, 2, (12, 3)).astype(np.float32),
        _random.uniform(0, 1, (12, 3)).astype(np.float32),
    ),
    "signs": (np.sign(_normal(12, 3)), _normal(12, 3)),
    "one_hot": (np.eye(4, dtype=np.float32)[_labels], _probabilities(12, 4)),
    "one_hot_logits": (np.eye(4, dtype=np.float32)[_labels], _normal(12, 4)),
    "classes": (_labels, _probabilities(12, 4)),
    "classes_column": (_labels[:, None], _probabilities(12, 4)),
    "classes_logits": (_labels, _normal(12, 4)),
    "class_steps": (_random.integers(0, 4, (12, 5)), _probabilities(12, 5, 4)),
    "two_distributions": (_probabilities(12, 4), _probabilities(12, 4)),
    "embeddings": (
        _random.integers(0, 3, 12),
        (lambda e: e / np.linalg.norm(e, axis=-1, keepdims=True))(_normal(12, 4)),
    ),
    "segmentation": (_random.integers(0, 3, (12, 4)), _random.integers(0, 3, (12, 4))),
    "segmentation_scores": (np.eye(3, dtype=np.float32)[_random.integers(0, 3, (12, 4))], _probabilities(12, 4, 3)),
    "ranked": (_random.integers(0, 4, 12), np.stack([_random.permutation(4) for _ in range(12)]).astype(np.float32)),
    "vector": (_normal(12), _normal(12)),
}
WEIGHTS = _random.uniform(0.2, 2.0, 12).astype(np.float32)
WHOLE_WEIGHTS = _random.integers(0, 4, (12, 4))
MASK = _random.uniform(0, 1, (12, 5)) < 0.7
MATRIX = _normal(6, 4)
POINTS = np.concatenate([np.linspace(-5, 5, 38), [0.5, -0.5]]).astype(np.float32).reshape(4, 10)
STEPS = np.arange(0, 60, 3)

LOSSES = [
    ("mean_squared_error", {}, "numbers"),
    ("mean_squared_error", {}, "column"),
    ("mean_squared_error", {}, "steps"),
    ("mean_absolute_error", {}, "numbers"),
    ("mean_absolute_percentage_error", {}, "numbers"),
    ("mean_squared_logarithmic_error", {}, "positive"),
    ("cosine_similarity", {}, "numbers"),
    ("huber", {"delta": 0.7}, "numbers"),
    ("log_cosh", {}, "numbers"),
    ("hinge", {}, "signs"),
    ("hinge", {}, "binary_logits"),
    ("squared_hinge", {}, "signs"),
    ("categorical_hinge", {}, "one_hot"),
    ("binary_crossentropy", {}, "binary"),
    ("binary_crossentropy", {}, "binary_flat"),
    ("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary_logits"),
    ("binary_focal_crossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5}, "binary"),
    ("binary_focal_crossentropy", {"from_logits": True}, "binary_logits"),
    ("categorical_crossentropy", {"label_smoothing": 0.2}, "one_hot"),
    ("categorical_crossentropy", {"from_logits": True}, "one_hot_logits"),
    ("categorical_focal_crossentropy", {}, "one_hot"),
    ("categorical_focal_crossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one_hot_logits"),
    ("sparse_categorical_crossentropy", {}, "classes"),
    ("sparse_categorical_crossentropy", {}, "classes_column"),
    ("sparse_categorical_crossentropy", {}, "class_steps"),
    ("sparse_categorical_crossentropy", {"ignore_class": 1}, "classes"),
    ("sparse_categorical_crossentropy", {"from_logits": True}, "classes_logits"),
    ("categorical_generalized_cross_entropy", {"q": 0.3}, "classes"),
    ("kl_divergence", {}, "two_distributions"),
    ("poisson", {}, "positive"),
    ("dice", {}, "multi_label"),
    ("dice", {"axis": [1]}, "multi_label"),
    ("tversky", {"alpha": 0.3, "beta": 0.6}, "multi_label"),
    ("circle", {"gamma": 2.0, "margin": 0.3}, "embeddings"),
    ("ctc", {}, "label_sequences"),
]

METRICS = [
    ("mean", {}, "vector"),
    ("sum", {}, "vector"),
    ("accuracy", {}, "segmentation"),
    ("binary_accuracy", {"threshold": 0.4}, "binary"),
    ("binary_accuracy", {}, "binary_flat"),
    ("categorical_accuracy", {}, "one_hot"),
    ("sparse_categorical_accuracy", {}, "classes"),
    ("sparse_categorical_accuracy", {}, "classes_column"),
    ("sparse_categorical_accuracy", {}, "class_steps"),
    ("top_k_categorical_accuracy", {"k": 2}, "one_hot"),
    ("sparse_top_k_categorical_accuracy", {"k": 2}, "classes"),
    ("sparse_top_k_categorical_accuracy", {"k": 2}, "class_steps"),
    ("sparse_top_k_categorical_accuracy", {"k": 2, "from_sorted_ids": True}, "ranked"),
    ("true_positives", {}, "binary"),
    ("true_negatives", {"thresholds": [0.7, 0.2]}, "binary"),
    ("false_positives", {"thresholds": 0.3}, "multi_label"),
    ("false_negatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "binary"),
    ("precision", {}, "binary"),
    ("precision", {"top_k": 2}, "one_hot"),
    ("precision", {"class_id": 1, "thresholds": 0.3}, "one_hot"),
    ("recall", {}, "binary_flat"),
    ("recall", {"thresholds": [0.2, 0.6]}, "multi_label"),
    ("recall", {"top_k": 2, "class_id": 2}, "one_hot"),
    ("sensitivity_at_specificity", {"specificity": 0.5}, "binary"),
    ("specificity_at_sensitivity", {"sensitivity": 0.6, "num_thresholds": 20}, "binary"),
    ("precision_at_recall", {"recall": 0.7, "class_id": 1}, "multi_label"),
    ("recall_at_precision", {"precision": 0.4}, "multi_label"),
    ("auc", {}, "binary"),
    ("auc", {"curve": "PR"}, "multi_label"),
    ("auc", {"curve": "PRGAIN"}, "multi_label"),
    ("auc", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 20}, "binary"),
    ("auc", {"summation_method": "minoring", "thresholds": [0.1, 0.35, 0.8]}, "binary"),
    ("auc", {"multi_label": True}, "multi_label"),
    ("auc", {"multi_label": True, "label_weights": [1.0, 2.0, 0.5], "num_labels": 3}, "multi_label"),
    ("auc", {"from_logits": True}, "binary_logits"),
    ("f1_score", {}, "one_hot"),
    ("f1_score", {"average": "macro", "threshold": 0.3}, "multi_label"),
    ("fbeta_score", {"average": "weighted", "beta": 2.0}, "one_hot"),
    ("fbeta_score", {"average": "micro", "beta": 0.5}, "one_hot"),
    ("mean_squared_error", {}, "numbers"),
    ("mean_squared_error", {}, "steps"),
    ("mean_absolute_error", {}, "column"),
    ("mean_absolute_percentage_error", {}, "numbers"),
    ("mean_squared_logarithmic_error", {}, "positive"),
    ("root_mean_squared_error", {}, "numbers"),
    ("log_cosh_error", {}, "numbers"),
    ("cosine_similarity", {}, "numbers"),
    ("pearson_correlation", {}, "numbers"),
    ("concordance_correlation", {}, "numbers"),
    ("r2_score", {}, "numbers"),
    ("r2_score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, "numbers"),
    ("r2_score", {"class_aggregation": None}, "numbers"),
    ("r2_score", {}, "column"),
    ("binary_crossentropy", {"label_smoothing": 0.1}, "binary"),
    ("categorical_crossentropy", {"from_logits": True}, "one_hot_logits"),
    ("sparse_categorical_crossentropy", {}, "classes"),
    ("kl_divergence", {}, "two_distributions"),
    ("poisson", {}, "positive"),
    ("hinge", {}, "signs"),
    ("squared_hinge", {}, "signs"),
    ("categorical_hinge", {}, "one_hot"),
    ("io_u", {"num_classes": 3, "target_class_ids": [0, 2]}, "segmentation"),
    (
        "io_u",
        {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": False, "sparse_y_true": False},
        "segmentation_scores",
    ),
    ("binary_io_u", {"threshold": 0.4}, "binary"),
    ("mean_io_u", {"num_classes": 3, "ignore_class": 1}, "segmentation"),
    ("one_hot_io_u", {"num_classes": 3, "target_class_ids": [0, 1]}, "segmentation_scores"),
    ("one_hot_mean_io_u", {"num_classes": 3}, "segmentation_scores"),
]

ACTIVATIONS = [
    ("celu", {"alpha": 0.7}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("exponential", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("glu", {}),
    ("hard_shrink", {}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("hard_tanh", {}),
    ("leaky_relu", {}),
    ("linear", {}),
    ("log_sigmoid", {}),
    ("log_softmax", {}),
    ("mish", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1, "max_value": 3.0, "threshold": 0.5}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0}),
    ("relu6", {}),
    ("selu", {}),
    ("sigmoid", {}),
    ("silu", {}),
    ("soft_shrink", {}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("softplus", {}),
    ("softsign", {}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("sparsemax", {}),
    ("squareplus", {}),
    ("tanh", {}),
    ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.3, "default_value": -1.0}),
]

REGULARIZERS = [
    ("l1", {}),
    ("l2", {"l2": 0.3}),
    ("l1_l2", {"l1": 0.1, "l2": 0.2}),
    ("orthogonal_regularizer", {}),
    ("orthogonal_regularizer", {"mode": "columns", "factor": 0.5}),
]

CONSTRAINTS = [
    ("max_norm", {}),
    ("max_norm", {"max_value": 1.5, "axis": 1}),
    ("min_max_norm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.4}),
    ("non_neg", {}),
    ("unit_norm", {"axis": [0, 1]}),
]

SCHEDULES = [
    ("exponential_decay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9}),
    ("exponential_decay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9, "staircase": True}),
    ("inverse_time_decay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("piecewise_constant_decay", {"boundaries": [9, 30], "values": [0.1, 0.05, 0.01]}),
    ("polynomial_decay", {"initial_learning_rate": 0.1, "decay_steps": 20, "power": 2.0}),
    ("polynomial_decay", {"initial_learning_rate": 0.1, "decay_steps": 20, "cycle": True}),
    ("cosine_decay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.1}),
    ("cosine_decay", {"initial_learning_rate": 0.0, "decay_steps": 30, "warmup_target": 0.1, "warmup_steps": 10}),
    ("cosine_decay_restarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10, "m_mul": 0.9}),
    ("cosine_decay_restarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.0, "alpha": 0.1}),
]

OPTIMIZERS = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"clipnorm": 0.5}),
    ("sgd", {"clipvalue": 0.3}),
    ("sgd", {"global_clipnorm": 0.5}),
    ("sgd", {"loss_scale_factor": 8.0}),
    ("sgd", {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 2}),
    ("adam", {"gradient_accumulation_steps": 2, "weight_decay": 0.01, "global_clipnorm": 0.7}),
    ("sgd", {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2}),
    (
        "sgd",
        {
            "learning_rate": {
                "type": "exponential_decay",
                "initial_learning_rate": 0.1,
                "decay_steps": 2,
                "decay_rate": 0.5,
            }
        },
    ),
    ("rmsprop", {}),
    ("rmsprop", {"momentum": 0.5, "centered": True}),
    ("adam", {}),
    ("adam", {"amsgrad": True, "learning_rate": 0.1}),
    ("adamw", {"learning_rate": 0.1}),
    ("adadelta", {"learning_rate": 1.0}),
    ("adafactor", {"learning_rate": 0.1}),
    ("adagrad", {"learning_rate": 0.1}),
    ("adamax", {"learning_rate": 0.1}),
    ("ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.05}),
    (
        "ftrl",
        {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.2, "learning_rate_power": -0.4},
    ),
    ("lamb", {"learning_rate": 0.1}),
    ("lion", {"learning_rate": 0.1}),
    ("muon", {"learning_rate": 0.1}),
    ("muon", {"nesterov": False, "rms_rate": None, "adam_lr_ratio": 0.5}),
    ("nadam", {"learning_rate": 0.1}),
    ("schedule_free_adamw", {"learning_rate": 0.1, "warmup_steps": 3}),
]
WEIGHT_VALUES = [MATRIX, _normal(4)]
GRADIENTS = [[_normal(6, 4), _normal(4)] for _ in range(5)]
INPUTS["label_sequences"] = (
    np.where(np.arange(3) < _random.integers(1, 4, (12, 1)), _random.integers(1, 5, (12, 3)), 0),
    _normal(12, 8, 5),
)
