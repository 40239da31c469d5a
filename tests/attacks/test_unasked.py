"""What needs a person's yes, asked for by a model over real stdio, whichever way it is spelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..gateway.test_stakes import KEY, SHUT, ways
from ..processes import spoken
from ..stranger import Stranger, stranger

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

SHORT = frozenset({
    "start_outbound_call", "send_message", "delete_tag", "create_webhook", "delete_user",
    "update_user_v2.role_ids", "list_calls.fetch_short_urls",
})  # fmt: skip
"""What the short form asks for; the long one asks for all."""


@pytest.fixture(scope="module")
def there() -> Iterator[Stranger]:
    """No sandbox of ours, so the real host; counts."""
    with stranger() as stands:
        yield stands


def tried(surface: str, chosen: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tool and arguments of every way to ask for it, but for the old names that a test makes up."""
    for asked in SHUT:
        if asked.name in chosen:
            for way, tool, arguments in ways(asked):
                if way == surface and "_old_" not in tool + str(arguments.get("operation")):
                    yield tool, arguments


@pytest.mark.parametrize("surface", ["full", "search"])
async def test_nothing_arrives_that_nobody_said_yes_to(
    surface: str, there: Stranger, full: bool
) -> None:
    chosen = frozenset(one.name for one in SHUT) if full else SHORT
    before, count = len(there.arrivals), 0
    environment = {"AIRCALL_MCP_BASE_URL": there.url, **KEY}
    async with spoken("--surface", surface, "--include-deprecated", **environment) as server:
        for tool, arguments in tried(surface, chosen):
            error = (await server.call(tool, **arguments))["error"]
            assert error["kind"] == "not_allowed", (tool, arguments, error)
            count += 1
        assert there.arrivals[before:] == []
        if surface == "full":
            await server.call("aircall_get_company")
        else:
            await server.call("aircall_read", operation="get_company", arguments={})
    assert there.arrivals[before:] == ["GET /v1/company"]  # it was there all the while
    assert count >= len(chosen)
    print(f"unasked, {surface}: {count} tried, 0 arrived")
