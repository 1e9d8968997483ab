"""The table of what the modules of kernels lower."""

import importlib
import os
import subprocess
import sys

from tfcli.engine.kernels.lowering import FAMILIES, LOWERINGS


def test_the_table_of_families_is_what_their_modules_declare():
    found: dict[str, set[str]] = {}
    for family in FAMILIES:
        importlib.import_module(f"tfcli.engine.kernels.{family}")
    for op, lowering in LOWERINGS.items():
        found.setdefault(lowering.__module__.rpartition(".")[2], set()).add(op.__name__)
    found.pop("pointwise", None)  # which every plan imports
    assert found == {family: set(ops.split()) for family, ops in FAMILIES.items()}


def test_a_plan_loads_the_kernels_of_its_own_ops():
    code = (
        "import numpy as np, tfcli as tf; step = tf.function(lambda x: tf.matmul(x, x)); "
        "step(tf.constant(np.eye(3, dtype=np.float32))); import sys; print(*sys.modules)"
    )
    environment = os.environ | {"TFCLI_KERNELS": "always"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "tfcli.engine.kernels.products" in loaded
    assert not loaded & {f"tfcli.engine.kernels.{family}" for family in ("recurrent", "normalization", "pooling")}
