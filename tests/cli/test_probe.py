"""`doctor --probe`, as a person types it who has a key and something to report."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group

from ..drift.changed import Changed, each
from ..harness import sandbox_with
from ..served import served


def typed(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(group, ["doctor", *words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Generator[Changed]:
    """An Aircall on a real port, and a key for it."""
    changed = Changed(sandbox_with(requests_per_minute=None))
    with served(changed) as url:
        monkeypatch.setenv("AIRCALL_MCP_BASE_URL", url)
        monkeypatch.setenv("AIRCALL_API_ID", "sandbox-api-id")
        monkeypatch.setenv("AIRCALL_API_TOKEN", "sandbox-api-token")
        monkeypatch.setenv("AIRCALL_MCP_REQUESTS_PER_MINUTE", "1000")
        yield changed


def test_it_says_that_nothing_differs_and_what_it_could_not_look_at(
    home: Path, tmp_path: Path
) -> None:
    told = json.loads(typed("--sandbox", "--probe", "--json").stdout)
    assert told["probe"]["differences"] == []
    found = {one["what"]: one for one in told["findings"]}
    assert "nothing differs" in found["probe"]["said"]
    assert "get_analytics_export (it lets words of the company out)" in found["unseen"]["said"]
    plain = json.loads(typed("--sandbox", "--json").stdout)
    assert "probe" not in plain
    assert not {"probe", "unseen"} & {one["what"] for one in plain["findings"]}


def test_what_differs_is_told_and_written_down(home: Path, tmp_path: Path, there: Changed) -> None:
    there.body["/v2/users"] = each("users", lambda one: one.update(shiny="Zoe Lund"))
    file = tmp_path / "report.toml"
    said = typed("--probe", "--output", str(file)).stdout
    assert "list_users_v2: users[].shiny is new: text" in said
    assert "1 differences" not in said
    assert "Zoe" not in said + file.read_text("utf-8")
    [one] = tomllib.loads(file.read_text("utf-8"))["recorded"]
    assert (one["of"], one["at"], one["fields"]) == ("list_users_v2", "users[]", {"shiny": "text"})
    assert {method for method, _, _ in there.asked} == {"GET"}
    hinted = typed("--probe").stdout
    assert "doctor --probe --output FILE" in hinted


def test_without_a_good_key_nothing_is_looked_at(
    home: Path, tmp_path: Path, there: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRCALL_API_TOKEN", "another")
    file = tmp_path / "report.toml"
    told = json.loads(typed("--probe", "--output", str(file), "--json", code=1).stdout)
    found = {one["what"]: one for one in told["findings"]}
    assert found["credential"]["state"] == "bad"
    assert "nothing was compared" in found["report"]["said"]
    assert "probe" not in told
    assert not file.exists()
    assert len(there.asked) <= 2


def test_a_file_that_cannot_be_written_is_said(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "report.toml"
    told = json.loads(typed("--sandbox", "--probe", "--output", str(file), "--json", code=1).stdout)
    found = {one["what"]: one for one in told["findings"]}
    assert "cannot be written" in found["report"]["said"]
    typed("--output", str(file), code=2)
