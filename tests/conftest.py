"""What all tests share: each leaves no graph open, no tape recording, and the working precision as it was."""

import pytest

from tfcli.engine.dispatch import state
from tfcli.models.layers.base import settings


@pytest.fixture(autouse=True)
def nothing_leaks():
    yield
    graph, tapes = state.graph, state.tapes
    state.graph, state.tapes = None, []
    assert graph is None, "the test left a graph being traced"
    assert tapes == [], "the test left a tape recording"
    assert settings.floatx == "float32", "the test left another working precision"
    assert settings.losses is None, "the test left losses being collected"
