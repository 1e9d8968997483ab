"""When a function is traced, what it keeps, and what it refuses."""

import tfcli as tf

traces = []


@tf.function
def double(x):
    traces.append(x.dtype)
    return x + x


assert int(double(tf.constant(1))) == 2 and double(tf.constant("a")).numpy() == b"aa"
double(tf.constant(2))
assert len(traces) == 2, "once for each dtype"
strings = double.get_concrete_function(tf.constant("a"))
assert strings(x=tf.constant("b")).numpy() == b"bb" and len(traces) == 2


@tf.function(input_signature=(tf.TensorSpec(shape=[None], dtype=tf.int32),))
def collatz(x):
    return tf.where(x % 2 == 0, x // 2, 3 * x + 1)


assert collatz(tf.constant([1, 2])).numpy().tolist() == [4, 1]
for wrong in (tf.constant([[1, 2]]), tf.constant([1.0])):
    try:
        collatz(wrong)
    except (TypeError, ValueError):
        continue
    raise AssertionError("the signature does not allow it")
effects = []


@tf.function
def with_effects(x, times):
    effects.append("traced")
    for _ in range(times):
        x = x * 2
    return x


assert int(with_effects(tf.constant(1), 3)) == 8 and int(with_effects(tf.constant(2), 3)) == 16
assert effects == ["traced"]
with_effects(tf.constant(1), 4)
assert len(effects) == 2, "another Python argument, another trace"


class Counter(tf.Module):
    def __init__(self):
        self.count = None

    @tf.function
    def __call__(self):
        if self.count is None:
            self.count = tf.Variable(0)
        return self.count.assign_add(1)


counter = Counter()
assert [int(counter()), int(counter())] == [1, 2]


@tf.function
def makes_variables(x):
    return tf.Variable(x) + x


try:
    makes_variables(tf.constant(1.0))
except ValueError:
    pass
else:
    raise AssertionError("a function that makes a variable in every call is refused")


@tf.function
def nested(d, scale=2.0, *, flag=True):
    return {"sum": (d["a"] + d["b"][0]) * scale, "none": None, "list": [d["a"], flag]}


result = nested({"a": tf.constant(1.0), "b": [tf.constant(2.0)]}, scale=tf.constant(3.0))
assert float(result["sum"]) == 9 and result["none"] is None
factor = tf.Variable(2.0)


@tf.function
def scaled(x):
    return factor * x


assert float(scaled(tf.constant(3.0))) == 6
factor.assign(5.0)
assert float(scaled(tf.constant(3.0))) == 15 and scaled.experimental_get_tracing_count() == 1
with tf.GradientTape() as tape:
    y = scaled(tf.constant(3.0)) ** 2
assert float(tape.gradient(y, factor)) == 90, "the gradient of a traced call"
tf.config.run_functions_eagerly(True)
with_effects(tf.constant(1), 3)
tf.config.run_functions_eagerly(False)
assert len(effects) == 3
print("functions")
