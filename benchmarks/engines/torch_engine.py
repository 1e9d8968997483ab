"""Train a workload in PyTorch, as its users write it: python torch_engine.py SPEC [--epochs N] [--compile].

The models are those of the specs. Prints `epoch 1` when the first epoch has ended, and then one JSON line.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class LastState(nn.Module):
    """ids (B, T) -> a logit (B, 1), from the LSTM's last state."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(10000, 64), nn.LSTM(64, 64, batch_first=True)
        self.head = nn.Linear(64, 1)

    def forward(self, ids):
        return self.head(self.lstm(self.embedding(ids))[0][:, -1])


def convolution(channels: int, filters: int, stride: int = 1, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)


class Unit(nn.Module):
    """Two convolutions beside a skip."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels, filters, stride),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            convolution(filters, filters),
            nn.BatchNorm2d(filters),
        )
        self.skip = nn.Identity() if stride == 1 else convolution(channels, filters, stride, 1)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


class Block(nn.Module):
    """Attention and a perceptron, each normalized before and beside a skip: x (B, T, C) -> (B, T, C)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.projections, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        projected = self.projections(self.norm1(x)).view(batch, length, 3, self.heads, -1)
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """ids (B, T) -> logits (B, 65, T)."""

    def __init__(self, length: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(65, width), nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 65)

    def forward(self, ids):
        return self.head(self.norm(self.blocks(self.embedding(ids) + self.positions))).transpose(1, 2)


def images(*layers: nn.Module) -> nn.Module:
    """In the order of axes that oneDNN likes best."""
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def cnn() -> nn.Module:
    first = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return images(*first, *second, nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10))


def resnet() -> nn.Module:
    units = [Unit(16, 16, 1), Unit(16, 32, 2), Unit(32, 64, 2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return images(convolution(3, 16), nn.BatchNorm2d(16), nn.ReLU(), *units, *head)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))


ADAM, CROSSENTROPY = torch.optim.Adam, F.cross_entropy
WORKLOADS = {
    # batch, model, optimizer, loss
    "linreg": (32, lambda: nn.Linear(1, 1), lambda p: torch.optim.SGD(p, 0.01), F.mse_loss),
    "mlp": (32, mlp, ADAM, CROSSENTROPY),
    "cnn": (128, cnn, ADAM, CROSSENTROPY),
    "resnet": (64, resnet, lambda p: torch.optim.SGD(p, 0.05, momentum=0.9), CROSSENTROPY),
    "lstm": (32, LastState, ADAM, F.binary_cross_entropy_with_logits),
    "gpt": (12, lambda: Transformer(64, 128, 4, 4), torch.optim.AdamW, CROSSENTROPY),
    "gpt_wide": (8, lambda: Transformer(128, 512, 6, 8), torch.optim.AdamW, CROSSENTROPY),
}


def arrays(spec: Path) -> tuple[torch.Tensor, torch.Tensor]:
    source = np.load(spec.with_suffix(".npz"))
    x, y = torch.from_numpy(source["x"]), torch.from_numpy(source["y"])
    if x.ndim == 4:
        x = x.permute(0, 3, 1, 2)
    return x, y.long() if y.dtype == torch.int32 else y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    torch.manual_seed(1)
    x, y = arrays(given.spec)
    batch, make, optimizer_of, loss_of = WORKLOADS[given.spec.stem]
    model = make()
    optimizer, run, seconds = optimizer_of(model.parameters()), torch.compile(model) if given.compile else model, []
    for epoch in range(given.epochs or 3):
        started = time.perf_counter()
        order = torch.randperm(len(x))
        for first in range(0, len(x), batch):
            chosen = order[first : first + batch]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(run(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
        if epoch == 0:
            print("epoch 1", flush=True)
    parameters = sum(p.numel() for p in model.parameters())
    line = {"version": f"PyTorch {torch.__version__}", "seconds": seconds, "steps": -(-len(x) // batch)}
    print(json.dumps(line | {"parameters": parameters, "examples": len(x)}))


if __name__ == "__main__":
    main()
