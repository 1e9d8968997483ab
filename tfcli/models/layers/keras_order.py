"""The order of fields, where inheritance alone would not give Keras's."""

from typing import ClassVar

from tfcli.declare import Field
from tfcli.models.layers.base import Layer


class KerasOrder(Layer, abstract=True):
    """Base of the layers whose fields come from several classes."""

    order: ClassVar[tuple[str, ...]] = ()
    """The fields in the order of Keras's signature; any others follow."""

    @classmethod
    def fields(cls) -> dict[str, Field]:
        found = super().fields()
        return {name: found[name] for name in dict.fromkeys([*cls.order, *found])}
