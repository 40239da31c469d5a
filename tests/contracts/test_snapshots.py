"""Every tool as a client sees it, frozen: a change of the surface shows in a review."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer.tools import tool_for

FOLDER = Path(__file__).parent.parent / "snapshots" / "tools"
ALL = spec.load().operations


def written(operation: Operation) -> str:
    return json.dumps(tool_for(operation), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.tool)
def test_the_tool_is_as_it_was(operation: Operation, request: pytest.FixtureRequest) -> None:
    file = FOLDER / f"{operation.tool}.json"
    if request.config.getoption("--write-snapshots"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        file.write_text(written(operation), "utf-8")
    assert file.exists(), "a new tool: `make snapshots` freezes it"
    assert file.read_text("utf-8") == written(operation), "`make snapshots` if this was meant"


def test_no_frozen_tool_is_gone(request: pytest.FixtureRequest) -> None:
    known = {f"{operation.tool}.json" for operation in ALL}
    for file in FOLDER.glob("*"):
        if file.name not in known and request.config.getoption("--write-snapshots"):
            file.unlink()
    assert {file.name for file in FOLDER.glob("*")} == known
