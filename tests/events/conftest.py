from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..forwarding import Forwarding, opened
from ..harness import Clock
from .deployment import Deployment
from .harness import EventHarness


@pytest.fixture
async def deployment(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Deployment]:
    made = Deployment(home, sandbox, registry, clock)
    yield made
    await made.aclose()


@pytest.fixture
async def harness(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[EventHarness]:
    made = EventHarness(home, sandbox, registry, clock)
    yield made
    await made.desk.aclose()
    made.log.close()


@pytest.fixture
async def forwarding(home: Path) -> AsyncGenerator[Forwarding]:
    async with opened(home) as forwarding:
        yield forwarding
