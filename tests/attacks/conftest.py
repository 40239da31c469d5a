from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long forms of the attacks are wanted: `--attacks=full`."""
    return request.config.getoption("--attacks") == "full"
