"""The first minute: no account, no key, and all of it works in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.mcp_server import AircallServer

from ..foreign import foreign_server

pytestmark = pytest.mark.anyio


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.structured_content
    answer: Any = result.structured_content
    assert answer.get("sandbox") is True or tool == "aircall_search"
    return answer


def payload(result: CallToolResult) -> Any:
    """The one JSON object of a result."""
    return result.structured_content


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_somebody_without_an_account_places_tags_and_comments_a_call(mode: str) -> None:
    app = open_app(settings_from({"sandbox": True}), {})
    async with Client(AircallServer(app.desk), mode=mode) as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
        found = await called(client, "aircall_search", query="place an outbound call")
        assert found["confident"] is True
        whole, plain = (match["tool"] for match in found["matches"][:2])
        assert (whole, plain) == ("aircall_place_call", "aircall_start_outbound_call")
        assert {whole, plain} <= offered
        assert found["matches"][0]["input_schema"]["required"] == ["to"]
        states = await called(client, "aircall_list_user_availabilities")
        free = {row["id"] for row in states["data"]["users"] if row["availability"] == "available"}
        users = (await called(client, "aircall_list_users_v2"))["data"]["users"]
        email = next(user["email"] for user in users if user["id"] in free)
        user = (await called(client, "aircall_get_user_v2", user_id=email))["data"]["user"]
        numbers = await called(client, "aircall_list_user_numbers", user_id=user["id"])
        placed = await called(
            client, plain, user_id=user["id"], number_id=numbers["data"]["numbers"][0]["id"],
            to="+33 1 99 00 12 34",
        )  # fmt: skip
        assert placed["data"] == {"done": True}
        assert any("aircall_list_calls" in note for note in placed["notes"])
        newest = (await called(client, "aircall_list_calls", max_items=1))["data"]["calls"][0]
        assert newest["direction"] == "outbound"
        assert newest["user"]["id"] == user["id"]
        tag = (await called(client, "aircall_list_tags"))["data"]["tags"][0]
        await called(client, "aircall_add_call_tags", call_id=newest["id"], tags=[tag["id"]])
        await called(client, "aircall_add_call_comment", call_id=newest["id"], content="Done.")
        call = (await called(client, "aircall_get_call", call_id=newest["id"]))["data"]["call"]
        assert [one["id"] for one in call["tags"]] == [tag["id"]]
        assert [one["content"] for one in call["comments"]] == ["Done."]
    await app.aclose()


async def test_the_small_surface_can_do_the_same_with_few_tools() -> None:
    app = open_app(settings_from({"sandbox": True, "surface": "search"}), {})
    async with Client(AircallServer(app.desk)) as client:
        assert 6 <= len((await client.list_tools()).tools) <= 16
        found = await called(client, "aircall_search", query="list the tags")
        match = found["matches"][0]
        assert match["call"] == "aircall_read"
        tags = await called(client, match["call"], operation=match["tool"], arguments={})
        assert tags["data"]["tags"]
        await called(
            client, "aircall_write", operation="POST /v1/tags",
            arguments={"name": "Upsell", "color": "#123456"},
        )  # fmt: skip
    await app.aclose()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_without_a_key_the_server_starts_lists_and_says_what_to_set(mode: str) -> None:
    app = open_app(settings_from(), {})
    async with Client(AircallServer(app.desk), mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert len(tools) > 80
        for name, arguments in (
            ("aircall_ping", {}),
            ("aircall_list_calls", {}),
            ("aircall_create_tag", {"name": "a", "color": "#123456"}),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error
            error: Any = payload(result)["error"]
            assert error["kind"] == "credential"
            assert "AIRCALL_API_ID" in error["hint"]
            assert "AIRCALL_API_TOKEN" in error["hint"]
            assert "--sandbox" in error["hint"]
        found = await client.call_tool("aircall_search", {"query": "send a text"})
        assert not found.is_error
    await app.aclose()


async def test_on_the_real_host_nothing_reaches_a_person_until_somebody_says_yes() -> None:
    key = {"AIRCALL_API_ID": "an-id-of-ours", "AIRCALL_API_TOKEN": "a-token-of-ours"}
    with foreign_server() as there:
        app = open_app(settings_from({"base_url": there.url}), key)
        async with Client(AircallServer(app.desk)) as client:
            for name, effect in (
                ("aircall_start_outbound_call", "reach"),
                ("aircall_delete_tag", "delete"),
            ):
                example = app.desk.offer().get(name).example
                result = await client.call_tool(name, dict(example))
                error: Any = payload(result)["error"]
                assert error["kind"] == "needs_confirmation"
                assert error["approval"]["effect"] == effect
        assert there.unasked == []
        await app.aclose()
