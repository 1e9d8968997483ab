"""Cases for the ops of layers: convolution, pooling, softmax and losses, normalization, random draws."""

import numpy as np
from cases import Case, apart, between, case, normal

from tfcli.engine.ops import conv, nn, pool, random
from tfcli.engine.spec import Shape, float32, int32, int64

CONVOLUTIONS = [  # strides, padding, dilations, groups, x, kernel
    ((2,), "causal", (1,), 1, (2, 5, 2), (3, 2, 2)),
    ((1, 1), "valid", (1, 1), 1, (2, 4, 3, 2), (2, 2, 2, 3)),
    ((2, 1), "same", (1, 2), 2, (1, 4, 3, 4), (3, 2, 2, 2)),
    ((1, 2), ((1, 0), (0, 2)), (1, 1), 2, (1, 3, 3, 2), (2, 2, 1, 4)),
    ((1, 1), "valid", (1, 1), 1, (1, 2, 2, 9), (1, 1, 9, 1)),
    ((1, 1, 1), "valid", (1, 1, 1), 1, (1, 2, 3, 2, 1), (2, 2, 1, 1, 2)),
]


def convolutions(op: type[conv.Sliding]) -> list[Case]:
    cases = []
    for *settings, x_shape, kernel_shape in CONVOLUTIONS:
        x, kernel = normal(*x_shape), normal(*kernel_shape)
        g = normal(*conv.Conv(*settings).forward(x, kernel).shape)
        inputs = {conv.Conv: (x, kernel), conv.ConvInputGrad: (g, kernel, x), conv.ConvKernelGrad: (x, g, kernel)}[op]
        batched = tuple(None if a is kernel else 0 for a in inputs)
        cases.append(case(op(*settings), *inputs, unknown=batched))
        if op is conv.Conv:
            cases.append(case(op(*settings), *inputs, unknown=(1, None)))
    return cases


POOLINGS = [  # pool_size, strides, padding, x
    ((2,), (1,), "same", (2, 4, 2)),
    ((2, 2), (2, 2), "valid", (1, 5, 4, 2)),
    ((3, 2), (2, 1), "same", (1, 4, 3, 1)),
]


def poolings(op: type[pool.Pooling]) -> list[Case]:
    cases = []
    for *settings, x_shape in POOLINGS:
        x = apart(*x_shape)
        y = pool.MaxPool(*settings).forward(x)
        g, h = normal(*y.shape), normal(*x_shape)
        inputs = {
            pool.MaxPool: (x,),
            pool.MaxPoolGrad: (g, x, y),
            pool.MaxPoolPick: (h, x, y),
            pool.AveragePool: (x,),
            pool.AveragePoolGrad: (g, x),
        }[op]
        cases.append(case(op(*settings), *inputs))
    return cases


def draws(op: type[random.Draw], *settings: object, dtype: object = float32) -> list[Case]:
    return [
        case(op(1, 0, 2, Shape((2, 3)), dtype, *settings), np.int64(5)),
        case(op(1, 0, 2, None, dtype, *settings), np.int64(5), normal(2, 3), unknown=(None, 0)),
        case(op(1, 7, 0, Shape(()), dtype, *settings), np.array([3, 4])),
    ]


LABELS = np.array([[2, 0, 1], [1, 1, 0]])

CASES: dict[str, list[Case]] = {
    "Conv": convolutions(conv.Conv),
    "ConvInputGrad": convolutions(conv.ConvInputGrad),
    "ConvKernelGrad": convolutions(conv.ConvKernelGrad),
    "ConvTranspose": [
        case(conv.ConvTranspose((2,), "same", (1,)), normal(2, 3, 2), normal(3, 1, 2), unknown=(1, None)),
        case(conv.ConvTranspose((1, 3), "valid", (1, 1)), normal(1, 2, 2, 1), normal(2, 2, 2, 1), unknown=(0, None)),
        case(conv.ConvTranspose((2,), "same", (1,), (1,)), normal(1, 3, 1), normal(3, 2, 1), unknown=(0, None)),
        case(conv.ConvTranspose((2,), "valid", (2,), (1,)), normal(1, 2, 1), normal(2, 2, 1), unknown=(0, None)),
        case(conv.ConvTranspose((2,), "same", (1,), None, (5,)), normal(1, 3, 1), normal(3, 2, 1), unknown=(0, None)),
        case(conv.ConvTranspose((2,), ((1, 1),), (1,)), normal(1, 3, 1), normal(3, 2, 1), unknown=(0, None)),
    ],
    "MaxPool": poolings(pool.MaxPool),
    "MaxPoolGrad": poolings(pool.MaxPoolGrad),
    "MaxPoolPick": poolings(pool.MaxPoolPick),
    "AveragePool": poolings(pool.AveragePool),
    "AveragePoolGrad": poolings(pool.AveragePoolGrad),
    "Softmax": [case(nn.Softmax(-1), normal(3, 4)), case(nn.Softmax(0), normal(2, 3), unknown=(1,))],
    "SoftmaxGrad": [case(nn.SoftmaxGrad(-1), normal(2, 3), between(0.1, 1, 2, 3))],
    "LogSoftmaxGrad": [case(nn.LogSoftmaxGrad(1), normal(2, 3), normal(2, 3))],
    "LogSoftmax": [case(nn.LogSoftmax(-1), normal(3, 4)), case(nn.LogSoftmax(0), normal(2, 3), unknown=(1,))],
    "SoftmaxCrossEntropyWithLogits": [
        case(nn.SoftmaxCrossEntropyWithLogits(), between(0.1, 1, 3, 4), normal(3, 4)),
        case(nn.SoftmaxCrossEntropyWithLogits(), between(0.1, 1, 2, 1, 3), normal(2, 1, 3)),
    ],
    "SparseSoftmaxCrossEntropyWithLogits": [
        case(nn.SparseSoftmaxCrossEntropyWithLogits(), [1, 0, 3], normal(3, 4)),
        case(nn.SparseSoftmaxCrossEntropyWithLogits(), LABELS, normal(2, 3, 3)),
    ],
    "SparseSoftmaxCrossEntropyGrad": [
        case(nn.SparseSoftmaxCrossEntropyGrad(), normal(3), [1, 0, 3], normal(3, 4)),
        case(nn.SparseSoftmaxCrossEntropyGrad(), normal(2, 3), LABELS, normal(2, 3, 3)),
    ],
    "SigmoidCrossEntropyWithLogits": [case(nn.SigmoidCrossEntropyWithLogits(), between(0, 1, 3, 2), apart(3, 2))],
    "Normalize": [
        case(nn.Normalize((1,), 0.1), normal(3, 4)),
        case(nn.Normalize((0, 1), 0.1), normal(3, 2, 2)),
        case(nn.Normalize((1, 3), 0.1), normal(1, 2, 2, 2)),
    ],
    "NormalizeGrad": [
        case(nn.NormalizeGrad((1,), 0.1), normal(2, 3), normal(2, 3), between(0.5, 2, 2, 1)),
        case(nn.NormalizeGrad((0,), 0.1), normal(3, 2), normal(3, 2), between(0.5, 2, 1, 2), unknown=(0, 0, None)),
    ],
    "LeakyRelu": [case(nn.LeakyRelu(0.3), apart(3, 2))],
    "Elu": [case(nn.Elu(1.5), apart(3, 2))],
    "RandomUniform": draws(random.RandomUniform),
    "RandomNormal": draws(random.RandomNormal),
    "RandomTruncatedNormal": draws(random.RandomTruncatedNormal),
    "RandomIntegers": [
        *draws(random.RandomIntegers, -2, 9, dtype=int64),
        *draws(random.RandomIntegers, 0, 3, dtype=int32),
    ],
    "RandomPermutation": [
        case(random.RandomPermutation(1, 0, 2, None, int32), np.int64(1), normal(4, 2), unknown=(None, 0))
    ],
    "RandomCategorical": [
        case(random.RandomCategorical(1, 0, 2, None, int64, 5), np.int64(1), normal(3, 4), unknown=(None, 0), order=0)
    ],
}

EXEMPT: dict[str, str] = {}
"""Ops without a case, and why."""
