from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..harness import sandbox_with
from ..served import served
from .shell import Shell


@pytest.fixture(scope="module")
def aircall() -> Iterator[str]:
    """A sandbox on a real port."""
    with served(sandbox_with()) as url:
        yield url


@pytest.fixture
def shell(home: Path, aircall: str) -> Shell:
    return Shell(home, aircall)
