"""Cases of the layers over sequences and of those that hold layers."""

from typing import Any

from layer_cases import Case, case

INPUT = (2, 5, 3)


def recurrent(type_name: str, *shapes: tuple[int, ...], **fields: Any) -> list[Case]:
    """A recurrent layer with each of the fields that all of them have."""
    shapes = shapes or (INPUT,)
    return [
        case(type_name, *shapes, **fields),
        case(type_name, *shapes, **fields, return_sequences=True),
        case(type_name, *shapes, **fields, return_sequences=True, go_backwards=True),
        case(type_name, *shapes, **fields, return_state=True),
        case(type_name, *shapes, **fields, masked=True),
        case(type_name, *shapes, **fields, masked=True, return_sequences=True, return_state=True),
        case(type_name, *shapes, **fields, masked=True, return_sequences=True, zero_output_for_mask=True),
        case(type_name, *shapes, **fields, masked=True, go_backwards=True),
    ]


def gated(type_name: str) -> list[Case]:
    return [
        *recurrent(type_name, units=4),
        case(type_name, INPUT, units=4, unroll=True, masked=True, return_sequences=True),
        case(type_name, INPUT, units=4, use_bias=False),
        case(type_name, INPUT, units=4, activation="linear"),
        case(type_name, INPUT, units=4, dropout=0.3, recurrent_dropout=0.2),
        case(type_name, INPUT, units=4, dropout=0.3, training=True, keras=False, gradient=False),
        case(type_name, INPUT, units=4, recurrent_dropout=0.3, dropout=0.3, training=True, keras=False, gradient=False),
    ]


def bidirectional(inner: str, **fields: Any) -> Case:
    own = {name: fields.pop(name) for name in ("merge_mode", "backward_layer", "masked") if name in fields}
    return case("bidirectional", INPUT, layer={"type": inner, "units": 3} | fields, **own)


QUERY, VALUE, KEY = (2, 4, 6), (2, 5, 6), (2, 5, 7)
CAUSAL: dict[str, Any] = {
    "use_causal_mask": True,
    "keras_fields": {"use_causal_mask": None},
    "keras_call": {"use_causal_mask": True},
}


def scored(type_name: str, **fields: Any) -> list[Case]:
    """An attention layer without heads."""
    return [
        case(type_name, QUERY, VALUE, **fields),
        case(type_name, QUERY, VALUE, VALUE, **fields),
        case(type_name, QUERY, VALUE, **fields, masked=True),
        case(type_name, QUERY, VALUE, **fields, masked=True, **CAUSAL),
        case(type_name, QUERY, VALUE, **fields, **CAUSAL),
        case(type_name, QUERY, VALUE, **fields, dropout=0.4),
        case(type_name, QUERY, VALUE, **fields, dropout=0.4, training=True, keras=False, gradient=False),
    ]


def heads(type_name: str, **fields: Any) -> list[Case]:
    """An attention layer with heads."""
    return [
        case(type_name, QUERY, **fields),
        case(type_name, QUERY, VALUE, **fields),
        case(type_name, QUERY, **fields, **CAUSAL),
        case(type_name, QUERY, **fields, masked=True),
        case(type_name, QUERY, VALUE, **fields, masked=True, **CAUSAL),
        case(type_name, QUERY, **fields, use_bias=False, use_gate=True),
        case(type_name, QUERY, **fields, sliding_window=2),
        case(type_name, QUERY, VALUE, **fields, masked=True, dropout=0.4),
        case(type_name, QUERY, **fields, dropout=0.4, training=True, keras=False, gradient=False),
    ]


CASES: dict[str, list[Case]] = {
    "embedding": [
        case("embedding", (2, 3), integers=7, input_dim=7, output_dim=4),
        case("embedding", (5,), integers=7, input_dim=9, output_dim=1, mask_zero=True),
    ],
    "position_embedding": [case("position_embedding", (2, 5, 3), keras=False)],
    "masking": [case("masking", (2, 5, 3)), case("masking", (2, 5, 3), mask_value=1.5)],
    "simple_rnn": gated("simple_rnn"),
    "gru": [
        *gated("gru"),
        *recurrent("gru", units=4, reset_after=False),
        case("gru", INPUT, units=4, recurrent_activation="hard_sigmoid", reset_after=False, use_bias=False),
        case(
            "gru", INPUT, units=4, reset_after=False, recurrent_dropout=0.3, training=True, keras=False, gradient=False
        ),
    ],
    "lstm": [*gated("lstm"), case("lstm", INPUT, units=4, recurrent_activation="hard_sigmoid", unit_forget_bias=False)],
    "rnn": [
        *recurrent("rnn", cell={"type": "gru_cell", "units": 4}),
        *recurrent(
            "rnn",
            cell={
                "type": "stacked_rnn_cells",
                "cells": [
                    {"type": "lstm_cell", "units": 3},
                    {"type": "simple_rnn_cell", "units": 2, "activation": "relu"},
                    {"type": "gru_cell", "units": 4},
                ],
            },
        ),
        case(
            "rnn",
            INPUT,
            cell=[{"type": "lstm_cell", "units": 3, "dropout": 0.3}, {"type": "gru_cell", "units": 2, "dropout": 0.3}],
            training=True,
            keras=False,
            gradient=False,
        ),
    ],
    "conv_lstm1d": [
        *recurrent("conv_lstm1d", (2, 3, 5, 2), filters=2, kernel_size=2),
        case("conv_lstm1d", (2, 3, 7, 2), filters=3, kernel_size=3, strides=2, padding="same", return_sequences=True),
        case("conv_lstm1d", (2, 3, 7, 2), filters=3, kernel_size=3, dilation_rate=2, use_bias=False),
        case("conv_lstm1d", (2, 3, 7, 2), filters=3, kernel_size=3, dropout=0.3, recurrent_dropout=0.2),
        case(
            "conv_lstm1d",
            (2, 3, 7, 2),
            filters=3,
            kernel_size=3,
            dropout=0.3,
            recurrent_dropout=0.2,
            training=True,
            keras=False,
            gradient=False,
        ),
    ],
    "conv_lstm2d": [
        case("conv_lstm2d", (2, 3, 4, 5, 2), filters=2, kernel_size=[2, 3], return_state=True),
        case("conv_lstm2d", (2, 2, 4, 5, 2), filters=2, kernel_size=3, padding="same", recurrent_activation="relu"),
    ],
    "conv_lstm3d": [case("conv_lstm3d", (1, 2, 3, 3, 2, 1), filters=2, kernel_size=2)],
    "bidirectional": [
        bidirectional("lstm"),
        bidirectional("lstm", return_sequences=True),
        bidirectional("gru", return_sequences=True, masked=True),
        bidirectional("gru", masked=True),
        *(bidirectional("simple_rnn", return_sequences=True, merge_mode=mode) for mode in ("sum", "mul", "ave", None)),
        bidirectional("gru", merge_mode="sum", return_state=True),
        bidirectional("gru", backward_layer={"type": "lstm", "units": 2, "go_backwards": True}),
    ],
    "time_distributed": [
        case("time_distributed", (2, 3, 4), layer={"type": "dense", "units": 5, "activation": "relu"}),
        case("time_distributed", (2, 3, 4, 2), layer={"type": "gru", "units": 3, "return_sequences": True}),
        case("time_distributed", (3, 2, 4), layer={"type": "batch_normalization"}),
        case("time_distributed", (6, 2, 4), layer={"type": "batch_normalization"}, training=True),
    ],
    "attention": [
        *scored("attention"),
        *scored("attention", use_scale=True),
        *scored("attention", score_mode="concat", use_scale=True),
        case("attention", QUERY, VALUE, score_mode="concat"),
    ],
    "additive_attention": [*scored("additive_attention"), case("additive_attention", QUERY, VALUE, use_scale=False)],
    "multi_head_attention": [
        *heads("multi_head_attention", num_heads=2, key_dim=3),
        case("multi_head_attention", QUERY, VALUE, KEY, num_heads=3, key_dim=2, value_dim=4, masked=True),
        case("multi_head_attention", QUERY, num_heads=2, key_dim=2, output_shape=5),
        case("multi_head_attention", QUERY, num_heads=2, key_dim=2, output_shape=[2, 3]),
        case("multi_head_attention", (2, 3, 4, 5), num_heads=2, key_dim=3),
        case("multi_head_attention", (2, 3, 4, 5), num_heads=2, key_dim=3, attention_axes=[2]),
        case(
            "multi_head_attention", (2, 3, 4, 5), num_heads=2, key_dim=3, attention_axes=1, use_gate=True, value_dim=2
        ),
        case("multi_head_attention", (2, 3, 4, 5), num_heads=2, key_dim=3, attention_axes=1, masked=True),
    ],
    "group_query_attention": [
        *heads("group_query_attention", head_dim=3, num_query_heads=4, num_key_value_heads=2),
        case("group_query_attention", QUERY, head_dim=2, num_query_heads=3, num_key_value_heads=1),
    ],
}
