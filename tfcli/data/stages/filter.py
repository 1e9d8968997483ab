"""Leaving examples out by the user's own Python."""

import numpy as np

from tfcli.data.stage import Batch, Context, Stage
from tfcli.data.stages.map import answers
from tfcli.declare import FunctionName
from tfcli.errors import DataError


class Filter(Stage):
    """Goes on with the examples for which a function is true: called with (x) or (x, y), as the source has them.

    It stands before all other stages. Predictions of a file are made for each of its examples all the same.
    """

    function: FunctionName
    """`module:function`; the module is looked for in the spec's folder first."""

    def kept(self, examples: Batch, context: Context) -> np.ndarray:
        """The rows to go on with. Raises DataError naming the stage."""
        kept = answers(self.function, bool, examples, context)
        if not kept.any():
            raise DataError(f"{context.where}: leaves none of the {len(examples)} examples of this split")
        return np.flatnonzero(kept)
