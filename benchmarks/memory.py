"""What `check` says a training will take, and what it takes: resident memory at its most, in MiB.

    python benchmarks/memory.py SPEC… [--epochs 2] [--steps 12] [--kernels auto never]

Each measurement is a process of its own. Prints a table in Markdown; exits with 1 where one is off by more than a
fifth.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import measured

MIB = 1 << 20


def predicted(command: list[str], environment: dict[str, str]) -> int:
    output, _, _, _ = measured([*command, "--json"], environment, errors=subprocess.DEVNULL)
    return json.loads(output)["memory"]["peak"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="+", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12, help="of an epoch; 0: all")
    parser.add_argument("--kernels", nargs="+", default=["auto", "never"])
    options = parser.parse_args()
    print("| spec | kernels | predicted | measured | off by |\n|---|---|---:|---:|---:|", flush=True)
    worst = 0.0
    for spec in options.specs:
        less = ["--set", f"train.epochs={options.epochs}"]
        less += ["--set", f"train.steps_per_epoch={options.steps}"] if options.steps else []
        for kernels in options.kernels:
            environment = {"TFCLI_KERNELS": kernels}
            tfcli = [sys.executable, "-m", "tfcli"]
            said = predicted([*tfcli, "check", str(spec), *less], environment)
            with tempfile.TemporaryDirectory() as folder:
                _, _, _, peak = measured([*tfcli, "train", str(spec), *less, "--logdir", folder], environment)
            worst = max(worst, abs(said / peak - 1))
            print(
                f"| {spec.stem} | {kernels} | {said / MIB:,.0f} | {peak / MIB:,.0f} | {said / peak - 1:+.0%} |",
                flush=True,
            )
    return int(worst > 0.2)


if __name__ == "__main__":
    sys.exit(main())
