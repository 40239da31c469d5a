"""`aircall-mcp sandbox` on a real port."""

from __future__ import annotations

import httpx2
import pytest

from ..processes import small_aircall

pytestmark = pytest.mark.anyio


async def asked(path: str, *flags: str) -> httpx2.Response:
    async with small_aircall(*flags) as known:
        key = known["AIRCALL_API_ID"], known["AIRCALL_API_TOKEN"]
        async with httpx2.AsyncClient(base_url=known["AIRCALL_MCP_BASE_URL"], auth=key) as client:
            return await client.get(path)


async def test_the_user_routes_that_ended_are_there_by_a_flag_alone() -> None:
    gone = await asked("/v1/users?per_page=1")
    assert (gone.status_code, gone.json()) == (404, {"message": "Not Found"})
    back = await asked("/v1/users?per_page=1", "--users-v1")
    assert back.status_code == 200
    assert back.json()["users"][0]["direct_link"].endswith(
        f"/v1/users/{back.json()['users'][0]['id']}"
    )
