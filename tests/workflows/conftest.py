from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..house import Clock
from .errand import Errand, errand
from .shift import Shift


@pytest.fixture
async def shift(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> AsyncIterator[Shift]:
    shift = Shift(registry, sandbox, clock, tmp_path)
    yield shift
    await shift.desk.aclose()


@pytest.fixture
async def at(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> AsyncIterator[Errand]:
    async with errand(registry, sandbox, clock, tmp_path) as made:
        yield made
