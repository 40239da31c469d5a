from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..harness import Clock
from .advancing import AdvancingHarness, advancing_harness
from .harness import WorkflowHarness


@pytest.fixture
async def harness(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> AsyncIterator[WorkflowHarness]:
    harness = WorkflowHarness(registry, sandbox, clock, tmp_path)
    yield harness
    await harness.desk.aclose()


@pytest.fixture
async def workflows(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> AsyncIterator[AdvancingHarness]:
    async with advancing_harness(registry, sandbox, clock, tmp_path) as made:
        yield made
