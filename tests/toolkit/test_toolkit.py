"""The tools in the hands of a program, over the built-in sandbox."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp import Toolkit, ToolkitSync
from aircall_mcp.errors import ArgumentError, SettingsError
from aircall_mcp.ground.clock import Clock
from aircall_mcp.safety.safety import Safety

from .harness import TEXT, asking, line_of

pytestmark = pytest.mark.anyio

IMPORTED = {
    "aircall_mcp", "aircall_mcp.errors", "aircall_mcp.ground", "aircall_mcp.ground.caller",
    "aircall_mcp.ground.effects", "aircall_mcp.toolkit", "aircall_mcp.toolkit.blocking",
    "aircall_mcp.toolkit.tool", "aircall_mcp.toolkit.toolkit", "aircall_mcp.toolkit.view",
}  # fmt: skip
"""Of ours, where the toolkit alone is imported; whoever adds one says why."""
MOST_MODULES = 80
"""In all, Python's own among them: well under 60 ms."""


async def test_search_load_execute(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(environment=home) as aircall:
        best = aircall.search("send a text message to a customer")["matches"][0]
        assert best["tool"].startswith("aircall_send_")
        tool = aircall.load("send_message")
        assert (tool.name, tool.effect, tool.reads) == ("aircall_send_message", "reach", False)
        assert tool.schema["required"] == ["number_id", "to", "body"]
        assert tool.example.keys() >= {"number_id", "to", "body"}
        sent = await aircall.execute("send_message", {**TEXT, "number_id": await line_of(aircall)})
        assert sent["sandbox"]
        assert sent["data"]["status"]


async def test_whatever_has_data_in_the_sandbox_says_that_it_is_one(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(environment=home) as aircall:
        number = await line_of(aircall)
        steps = [
            {"operation": "send_message", "arguments": {**TEXT, "number_id": number}},
            {"operation": "create_tag", "arguments": {"name": "Upsell", "color": "#123456"}},
            {"operation": "delete_tag", "arguments": {"tag_id": 7}},
        ]
        done = await aircall.execute("plan", {"steps": steps})
        assert done["sandbox"] is True, done
        assert done["data"]["outcomes"][:2] == ["done", "done"]
        message, tag, none = done["data"]["ids"]
        assert message
        assert (await aircall.execute("get_tag", {"tag_id": tag}))["data"]["tag"][
            "name"
        ] == "Upsell"
        assert none is None
        for name, given in (
            ("plan", {"steps": steps, "dry_run": True}),
            ("send_message", {**TEXT, "number_id": number, "dry_run": True}),
            ("send_text", {**TEXT, "from": str(number), "dry_run": True}),
            ("approval_status", {"id": done["data"]["plan"]}),
            ("approval_status", {}),
            ("list_tags", {}),
        ):
            assert (await aircall.execute(name, given))["sandbox"] is True, name
        error = await aircall.execute("get_call", {"call_id": 7})
        assert error.keys() == {"error"}


async def test_what_is_bound_to_an_account_acts_for_no_other(home: dict[str, str]) -> None:
    """Also where there is one alone, so that no argument names it."""
    async with Toolkit.sandbox(environment=home) as aircall:
        told = await aircall.bind(account="acme").execute("list_tags")
        assert (told["error"]["kind"], "acme" in told["error"]["message"]) == ("credential", True)
        assert "data" in await aircall.bind(account="sandbox").execute("list_tags")


async def test_what_cannot_be_done_is_told_and_not_raised(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(environment=home) as aircall:
        wrong: list[tuple[str, Any]] = [
            ("no_such_tool", {}), ("list_calls", {"form": 1}), ("list_calls", []), ("", None),
            ("get_call", {"call_id": 7}),
        ]  # fmt: skip
        for name, arguments in wrong:
            answer = await aircall.execute(name, arguments)
            assert answer["error"]["kind"] in ("argument", "refused"), answer
        for name in ("read", "write", "reach", "delete", "describe"):  # of the smaller surfaces
            answer = await aircall.execute(name, {"operation": "list_calls"})
            assert answer["error"]["kind"] == "argument"
        with pytest.raises(ArgumentError):
            aircall.load("no_such_tool")
        near = await aircall.execute("place_cal", {"to": "+14155550143"})
        assert "Did you mean `place_call`?" in near["error"]["hint"]
        near = await aircall.only(effects="read").execute("place_cal")
        assert "place_call" not in near["error"]["hint"]
    with pytest.raises(RuntimeError, match="async with"):
        await aircall.execute("list_calls")


async def test_a_performer_that_is_not_on_the_surface_is_told_and_not_raised(
    home: dict[str, str],
) -> None:
    inner = {"operation": "send_message", "arguments": TEXT}
    async with asking(home) as aircall:
        for given in (inner, {"operation": "aircall_reach", "arguments": inner}, {"operation": 7}):
            told = await aircall.bind(number=1).execute("aircall_reach", given)
            assert told["error"]["kind"] == "argument"


async def test_what_is_not_listed_is_called_by_the_tool_of_its_effect(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(surface="search", environment=home) as aircall:
        assert "aircall_list_numbers" not in [one.name for one in aircall.tools]
        number = await line_of(aircall)
        assert (await aircall.execute("send_message", {**TEXT, "number_id": number}))["data"]


async def test_what_is_bound_is_gone_and_filled_in_and_cannot_be_chosen(
    home: dict[str, str],
) -> None:
    async with Toolkit.sandbox(surface="tasks", environment=home) as aircall:
        number = await line_of(aircall)
        bound = aircall.bind(number=number)
        tool = bound.load("send_message")
        assert "number_id" not in tool.schema["properties"]
        assert "number_id" not in tool.schema["required"]
        assert "number_id" not in tool.example
        match = bound.search("send a text message")["matches"][0]
        assert "number_id" not in match.get("example", {})
        assert (await bound.execute("send_message", TEXT))["data"]["status"]
        for name, given in (
            ("send_message", {**TEXT, "number_id": number}),
            ("reach", {"operation": "send_message", "arguments": {**TEXT, "number_id": 1}}),
            ("send_whatsapp_message", {"lineId": 1, "to": TEXT["to"], "text": "Hello"}),
            ("reach", {"operation": "POST /v1/numbers/:id/messages/send", "arguments": {"id": 1}}),
        ):
            told = await bound.execute(name, given)
            assert told["error"]["kind"] == "argument", told
        by_effect = {"operation": "send_message", "arguments": {**TEXT, "body": "And another one."}}
        assert (await bound.execute("reach", by_effect))["data"]
        with pytest.raises(SettingsError, match="colour"):
            aircall.bind(colour="red")


async def test_whoever_is_bound_by_a_name_is_looked_up(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(environment=home) as aircall:
        person = (await aircall.execute("list_users_v2"))["data"]["users"][1]
        line = (await aircall.execute("list_numbers"))["data"]["numbers"][1]
        bound = aircall.bind(user=person["email"], number=line["name"])
        assert "user_id" not in bound.load("get_user_v2").schema["properties"]
        user = await bound.execute("get_user_v2")
        number = await bound.execute("get_number")
        assert (user["data"]["user"]["id"], number["data"]["number"]["id"]) == (
            person["id"], line["id"],
        )  # fmt: skip
        assert (await bound.execute("find_calls", {"period": "today"}))["data"]
        nobody = aircall.bind(number="Atlantis")
        told = (await nobody.execute("get_number"))["error"]
        assert told["kind"] == "argument"
        assert "Atlantis" in told["message"]
        assert (await nobody.execute("list_users_v2"))["data"]  # it is not needed for that


async def test_an_id_is_bound_in_every_spelling(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(environment=home) as aircall:
        number = await line_of(aircall)
        for spelled in ("number", "number_id", "lineId"):
            bound = aircall.bind(**{spelled: number})
            assert "number_id" not in bound.load("send_message").schema["properties"]
            assert "lineId" not in bound.load("send_whatsapp_message").schema["properties"]
            assert "number" not in bound.load("find_calls").schema["properties"]
        assert "user" not in aircall.bind(user_id=7).load("find_calls").schema["properties"]
        with pytest.raises(SettingsError, match="the same"):
            aircall.bind(user=7, user_id=8)


@pytest.mark.parametrize("word", ["user", "user_id", "number", "lineId", "account"])
@pytest.mark.parametrize("value", [None, "", " ", True, 0, -1, 1.5, ["Support"], {}])
def test_what_is_nobody_cannot_be_bound(word: str, value: Any) -> None:
    with pytest.raises(SettingsError, match="bound"):
        Toolkit.sandbox().bind(**{word: value})


async def test_a_word_alone_narrows_and_nothing_left_is_refused(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(environment=home) as aircall:
        assert aircall.only(effects="read").tools == aircall.only(effects={"read"}).tools
        assert aircall.only(toolsets="calls", names="list_calls").tools
        with pytest.raises(SettingsError, match="'reed'") as unknown:
            aircall.only(effects="reed")
        assert "reach" in unknown.value.hint
        with pytest.raises(SettingsError, match="No tool is left"):
            aircall.only(toolsets="calls", names="send_message")
        found = aircall.only(toolsets="messages").search("who called, and text them back", 5)
        out = ["not_offered" in one for one in found["matches"]]
        assert out == sorted(out)
        assert not any("input_schema" in one for one in found["matches"] if "not_offered" in one)
        assert not aircall.only(effects="read").search("delete this user")["confident"]


async def test_an_option_that_there_is_not_is_told_with_the_nearest(home: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="toolset") as refused:
        await Toolkit.sandbox(toolset="calls", environment=home).__aenter__()
    assert "`toolsets`" in refused.value.hint
    assert str(refused.value) == "argument `toolset`: is not known. Did you mean `toolsets`?"


async def test_a_view_of_which_the_surface_lists_nothing_says_so(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(surface="tasks", environment=home) as aircall:
        calls = aircall.only(toolsets={"calls"})
        assert (await calls.execute("list_calls"))["data"]
        for taken in (lambda: calls.openai("chat"), calls.anthropic, lambda: calls.tools):
            with pytest.raises(SettingsError, match="'tasks' lists none") as refused:
                taken()
            assert 'surface="full"' in str(refused.value)
        assert aircall.only(toolsets={"workflows"}).openai("chat")
        with pytest.raises(SettingsError) as unknown:
            aircall.only(toolsets={"workflow"})
        assert "Did you mean `workflows`?" in str(unknown.value)
    async with Toolkit(environment=home) as nobody:
        error = (await nobody.execute("list_calls"))["error"]
        assert "Toolkit.sandbox()" in error["hint"]


async def test_what_is_left_out_cannot_be_reached_by_another_way(home: dict[str, str]) -> None:
    async with Toolkit.sandbox(surface="search", environment=home) as aircall:
        reading = aircall.only(effects={"read"})
        assert {one.effect for one in reading.tools} == {"read"}
        calls = reading.only(toolsets={"calls", "search"}, effects={"read", "reach"})
        assert (await calls.execute("list_calls"))["data"]
        for name, given in (
            ("send_message", {**TEXT, "number_id": 1}),
            ("list_users_v2", {}),
            ("read", {"operation": "list_users_v2"}),
            ("reach", {"operation": "send_message", "arguments": TEXT}),
            ("read", {"operation": "send_message", "arguments": TEXT}),
        ):
            told = await calls.execute(name, given)
            assert told["error"]["kind"] == "argument", told
        named = aircall.only(names={"list_calls"})
        assert (await named.execute("list_calls"))["data"]
        for match in named.search("list users")["matches"]:
            assert ("not_offered" in match) == (match["tool"] != "aircall_list_calls")
            assert "not_offered" not in match or "input_schema" not in match
        with pytest.raises(SettingsError, match="effect"):
            aircall.only(effects={"reed"})


def test_the_twin_works_where_no_loop_runs(home: dict[str, str]) -> None:
    with ToolkitSync.sandbox(environment=home) as sync:
        assert sync.search("missed calls")["matches"]
        assert sync.execute("list_calls", {"max_items": 1})["data"]["calls"]
        assert sync.only(effects={"read"}).execute("list_users_v2")["data"]["users"]
        assert sync.load("list_calls").reads
        assert sync.handle({"choices": []}) == []
    with pytest.raises(RuntimeError, match="with"):
        sync.execute("list_calls")


async def test_the_twin_works_where_a_loop_runs(home: dict[str, str]) -> None:
    assert asyncio.get_running_loop()
    with ToolkitSync.sandbox(environment=home) as sync:
        assert sync.execute("list_calls", {"max_items": 1})["data"]["calls"]


async def test_the_journal_and_the_log_know_the_way_it_came(home: dict[str, str]) -> None:
    async with asking(home) as aircall:
        await aircall.execute("send_message", {**TEXT, "number_id": await line_of(aircall)})
    safety = Safety.of(Path(home["AIRCALL_MCP_HOME"]), clock=Clock(), fleeting=False)
    (waiting,) = await safety.approvals.waiting()
    safety.close()
    assert waiting.principal == "owner"


def test_importing_it_brings_no_framework_and_none_of_the_rest() -> None:
    code = (
        "import sys; before = set(sys.modules); from aircall_mcp import Toolkit; Toolkit.sandbox();"
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    brought = {name.partition(".")[0] for name in modules}
    heavy = {
        "mcp", "mcp_types", "pydantic", "anyio", "httpx2", "openai", "anthropic", "agents",
        "langchain_core", "langgraph", "pydantic_ai", "starlette", "asyncio", "click",
    }  # fmt: skip
    assert brought & heavy == set()
    ours = {name for name in modules if name.partition(".")[0] == "aircall_mcp"}
    assert ours <= IMPORTED, sorted(ours - IMPORTED)
    assert len(modules) <= MOST_MODULES, len(modules)


def test_all_that_a_toolkit_opens_brings_no_mcp() -> None:
    code = (
        "import asyncio, sys, tempfile; from aircall_mcp import Toolkit\n"
        "async def main(home):\n"
        "    async with Toolkit.sandbox(environment={'AIRCALL_MCP_HOME': home}) as aircall:\n"
        "        assert (await aircall.execute('list_calls'))['data'], 'nothing'\n"
        "        aircall.openai(), aircall.anthropic(), aircall.gemini(), aircall.json_schema()\n"
        "with tempfile.TemporaryDirectory() as home: asyncio.run(main(home))\n"
        "print({m for m in sys.modules if m.partition('.')[0] in ('mcp', 'mcp_types', 'openai')})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
