from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"AIRCALL_MCP_HOME": str(tmp_path)}
