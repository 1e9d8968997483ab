"""What a user may see. Any other exception that reaches the top is a bug of ours."""


class TfcliError(ValueError):
    """An error that the user can mend; `exit_code` is what the command line ends with."""

    exit_code = 1


class SpecError(TfcliError):
    """The spec or the command line is wrong."""

    exit_code = 2


class DataError(TfcliError):
    """The data cannot be read, or does not fit the spec."""

    exit_code = 2


class ShapeError(TfcliError):
    """The inputs of an operation or layer have shapes that do not go together."""

    exit_code = 2


class DtypeError(TfcliError, TypeError):
    """The inputs of an operation or layer have dtypes that do not go together."""

    exit_code = 2


class SignatureError(ShapeError, TypeError):
    """A traced function was given what its input_signature does not allow."""


class TrainingError(TfcliError):
    """Training started and could not go on."""


class CheckpointError(TfcliError):
    """A checkpoint or a run directory is missing, damaged or held by another process."""


class UnknownRunError(CheckpointError):
    """The command line names a run, a checkpoint or a logs directory that is not there."""

    exit_code = 2


class FailedPreconditionError(TfcliError):
    """Something has to be done before: a variable of a session's graph was read without its initializer."""


class OutOfRangeError(TfcliError):
    """There is nothing left to read."""


InvalidArgumentError = OpError = UnimplementedError = TfcliError
NotFoundError = CheckpointError
"""TensorFlow's names, for programs that catch them."""


_SHORTAGES = ("can't start new thread", "failed to map segment", "cannot allocate memory")
"""How the system says of a thread, a library or a file that there is no memory for it."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether a lack of memory is behind the error."""
    while error is not None:
        if isinstance(error, MemoryError) or any(text in str(error).lower() for text in _SHORTAGES):
            return True
        error = error.__cause__ or error.__context__
    return False
