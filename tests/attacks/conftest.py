from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long forms of the attacks are wanted: `--attacks=full`."""
    return request.config.getoption("--attacks") == "full"


@pytest.fixture
def at_length(full: bool) -> None:
    """Skips what only the long form tries."""
    if not full:
        pytest.skip("in the long form: make attacks")
