from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..house import Clock
from .town import Town


@pytest.fixture
async def town(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Town]:
    made = Town(home, sandbox, registry, clock)
    yield made
    await made.aclose()
