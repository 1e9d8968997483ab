"""tf.keras.optimizers.schedules: learning rates that follow the step."""

from typing import Any

from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.models.schedules import Schedule

LearningRateSchedule = Schedule
get = deserialize = getter(Schedule)

__all__ = ["LearningRateSchedule", "deserialize", "get", "serialize"]


def __getattr__(name: str) -> Any:
    classes = classes_of(Schedule)
    if name not in classes:
        raise missing("tf.keras.optimizers.schedules", name, classes)
    return classes[name]


def __dir__() -> list[str]:
    return sorted([*classes_of(Schedule), *__all__])
