from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .budgets import Budgets


@pytest.fixture
async def budgets(home: Path) -> AsyncIterator[Budgets]:
    budgets = Budgets(home)
    yield budgets
    for budget in budgets.made:
        await budget.aclose()
