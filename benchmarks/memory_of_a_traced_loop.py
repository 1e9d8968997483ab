"""How much resident memory 10,000 steps of a traced training loop add."""

from pathlib import Path

import tfcli as tf

STEPS = 10_000


def resident() -> int:
    """Bytes of this process that are in memory now (Linux)."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    kernel = tf.Variable(tf.random.normal([16, 1]))

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, kernel) - y))
        kernel.assign_sub(tape.gradient(loss, kernel) * 0.01)
        return loss

    x, y = tf.random.normal([32, 16]), tf.random.normal([32, 1])
    for _ in range(100):
        step(x, y)
    before = resident()
    for _ in range(STEPS):
        step(x, y)
    print(f"{STEPS} steps: {(resident() - before) / 1e6:.2f} MB more, {step.trace_count} trace")


if __name__ == "__main__":
    main()
