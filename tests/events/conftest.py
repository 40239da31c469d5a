from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..house import Clock
from ..post import Post, opened
from .room import Room
from .town import Town


@pytest.fixture
async def town(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Town]:
    made = Town(home, sandbox, registry, clock)
    yield made
    await made.aclose()


@pytest.fixture
async def room(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Room]:
    made = Room(home, sandbox, registry, clock)
    yield made
    await made.desk.aclose()
    made.log.close()


@pytest.fixture
async def post(home: Path) -> AsyncGenerator[Post]:
    async with opened(home) as post:
        yield post
