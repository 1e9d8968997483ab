"""Leaving examples out by the user's own Python."""

import numpy as np

from tfcli.data.stage import Batch, Context, Stage
from tfcli.data.stages.map import example_of, one_or_all
from tfcli.declare import FunctionName
from tfcli.declare.functions import functions_in, load_function
from tfcli.errors import DataError, SpecError


class Filter(Stage):
    """Goes on with the examples for which a function is true: called with (x) or (x, y), as the source has them.

    It stands before all other stages. Predictions of a file are made for each of its examples all the same.
    """

    function: FunctionName
    """`module:function`; the module is looked for in the spec's folder first."""

    def kept(self, examples: Batch, context: Context) -> np.ndarray:
        """The rows to go on with. Raises DataError naming the stage."""
        try:
            with functions_in(context.root):
                function = load_function(self.function)
        except SpecError as error:
            raise DataError(f"{context.where}: {error}") from error
        answers = np.zeros(len(examples), bool)
        for i in range(len(examples)):
            example = example_of(examples, i)
            arguments = [one_or_all(example.inputs)] + ([one_or_all(example.targets)] if context.labelled else [])
            try:
                answers[i] = bool(function(*arguments))
            except Exception as error:  # whatever the user's function does
                failed = f"{self.function} failed at example {i}: {type(error).__name__}: {error}"
                raise DataError(f"{context.where}: {failed}") from error
        if not answers.any():
            raise DataError(f"{context.where}: leaves none of the {len(examples)} examples of this split")
        return np.flatnonzero(answers)
