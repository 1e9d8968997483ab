"""tf.config and tf.device: there is one device, the CPU, and a program may ask for it by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tfcli.errors import TfcliError


class PhysicalDevice(NamedTuple):
    """A processor: its name and kind."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The CPU; an empty list for other kinds."""
    return [PhysicalDevice("/physical_device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


list_logical_devices = list_physical_devices


@contextmanager
def device(device_name: Any) -> Iterator[None]:
    """A context for what is to be computed on the CPU, where everything is. Raises TfcliError for another device."""
    if device_name is not None and "CPU" not in str(device_name).upper():
        raise TfcliError(
            f"there is no device {device_name!r} here; everything is computed on the CPU, tf.device('CPU:0')"
        )
    yield


def do_not_convert(func: Any = None) -> Any:
    """Decorator of TensorFlow's programs: Python code is never converted here, so it changes nothing."""
    return (lambda f: f) if func is None else func
