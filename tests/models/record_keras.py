"""Writes fixtures/keras.npz, what Keras makes of `keras_cases`. Run with a Python that has Keras on TensorFlow."""

import re
from pathlib import Path

import keras
import keras_cases as cases
import numpy as np
from keras.src.backend import set_keras_mask


def squash(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find(module, name):
    found = {squash(n): getattr(module, n) for n in sorted(dir(module), key=lambda n: n[0].isupper())}
    return found[squash(name)]


def settings_of(settings):
    rate = settings.get("learning_rate")
    if isinstance(rate, dict):
        values = {k: v for k, v in rate.items() if k != "type"}
        return settings | {"learning_rate": find(keras.optimizers.schedules, rate["type"])(**values)}
    return settings


def losses():
    for i, (name, settings, data) in enumerate(cases.LOSSES):
        y_true, y_pred = cases.INPUTS[data]
        loss = find(keras.losses, name)
        yield f"loss/{i}/mean", loss(**settings)(y_true, y_pred)
        yield f"loss/{i}/none", loss(**settings, reduction="none")(y_true, y_pred)
        if data not in ("steps", "class_steps"):
            for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
                weighted = loss(**settings, reduction=reduction)(y_true, y_pred, sample_weight=cases.WEIGHTS)
                yield f"loss/{i}/{reduction}", weighted
        else:
            for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
                masked = keras.ops.convert_to_tensor(y_pred)
                set_keras_mask(masked, keras.ops.convert_to_tensor(cases.MASK))
                yield f"loss/{i}/masked_{reduction}", loss(**settings, reduction=reduction)(y_true, masked)


def metrics():
    for i, (name, settings, data) in enumerate(cases.METRICS):
        y_true, y_pred = cases.INPUTS[data]
        of_values = name in ("mean", "sum")
        for weights in (None, cases.WHOLE_WEIGHTS if "io_u" in name else cases.WEIGHTS):
            if weights is not None and "io_u" in name and data == "binary":
                weights = weights[:, :1]
            metric = find(keras.metrics, name)(**settings)
            metric.update_state(*((y_pred,) if of_values else (y_true, y_pred)), sample_weight=weights)
            yield f"metric/{i}/{'plain' if weights is None else 'weighted'}", metric.result()


def functions():
    for i, (name, settings) in enumerate(cases.ACTIVATIONS):
        yield f"activation/{i}", getattr(keras.activations, name)(keras.ops.convert_to_tensor(cases.POINTS), **settings)
    for i, (name, settings) in enumerate(cases.REGULARIZERS):
        yield f"regularizer/{i}", find(keras.regularizers, name)(**settings)(keras.ops.convert_to_tensor(cases.MATRIX))
    for i, (name, settings) in enumerate(cases.CONSTRAINTS):
        yield f"constraint/{i}", find(keras.constraints, name)(**settings)(keras.ops.convert_to_tensor(cases.MATRIX))
    for i, (name, settings) in enumerate(cases.SCHEDULES):
        schedule = find(keras.optimizers.schedules, name)(**settings)
        yield f"schedule/{i}", [schedule(keras.ops.convert_to_tensor(int(step))) for step in cases.STEPS]


class Snapshot(keras.Variable):
    """A `value` that stays what it was: TensorFlow's is a live view, which ScheduleFreeAdamW reads too late."""

    value = property(lambda self: keras.ops.copy(self._value))


def optimizers():
    for i, (name, settings) in enumerate(cases.OPTIMIZERS):
        optimizer = find(keras.optimizers, name)(**settings_of(settings))
        variables = [
            keras.Variable(value, name=n) for value, n in zip(cases.WEIGHT_VALUES, ("kernel", "bias"), strict=True)
        ]
        optimizer.build(variables)
        if name == "schedule_free_adamw":
            for slot in optimizer._momentums:
                slot.__class__ = Snapshot
            optimizer.assign_sub = lambda variable, change: variable.assign(variable - change)
        for gradients in cases.GRADIENTS:
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
        for variable, n in zip(variables, ("kernel", "bias"), strict=True):
            yield f"optimizer/{i}/{n}", variable.value


if __name__ == "__main__":
    recorded = {}
    for family in (losses, metrics, functions, optimizers):
        recorded |= {key: np.asarray(value, np.float32) for key, value in family()}
    folder = Path(__file__).parent / "fixtures"
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / "keras.npz", **recorded)
