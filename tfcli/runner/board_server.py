"""TensorBoard's web page."""

from pathlib import Path

from tfcli.errors import SpecError, UnknownRunError


def serve(logdir: Path, port: int | None = None) -> str:
    """Serve `logdir` on loopback from a thread that ends with the process; the address of the page.

    `port`: default 6006, or the next free one. Raises UnknownRunError where there is no such folder, SpecError where
    the port is taken.
    """
    if not logdir.is_dir():
        raise UnknownRunError(f"there is no logs directory {logdir}; name it, or train something first")
    from tensorboard.program import TensorBoard, TensorBoardServerException

    board = TensorBoard()
    # load_fast starts a second process, and says so on standard error.
    board.configure(logdir=str(logdir), host="127.0.0.1", port=port, load_fast="false")
    try:
        return board.launch()
    except TensorBoardServerException as error:
        raise SpecError(f"TensorBoard cannot start: {error.msg}") from error
