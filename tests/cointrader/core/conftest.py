"""The core over a workspace of the test's own."""

from collections.abc import Iterator

import pytest

from storage.workspace import Workspace
from tests.cointrader.core.desk_of_test import Core


@pytest.fixture
def core(workspace: Workspace) -> Iterator[Core]:
    """All parts of the core, with the agents it has of its own."""
    made = Core(workspace)
    yield made
    made.close()
