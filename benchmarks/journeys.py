"""What the four journeys cost a model: with the tools for tasks, by scripts, with plain operations.

    python benchmarks/journeys.py

prints a table and writes `benchmarks/journeys.md`. Each journey runs five times through a real
MCP client against the sandbox: on the surface `tasks` with the tools for whole tasks; by
scripts on the surface `search`, with and without knowing what functions are called; with the
plain operations of the surface `full`; and with those found and performed by the surface `search`.
Counted are tokens (a quarter of the bytes of tools/list as a model sees it, of the arguments and of
the results), tool calls, and the requests that arrived at Aircall.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client

from aircall_mcp import spec
from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.sandbox import Sandbox

Json = dict[str, Any]

USER, REP, TO, PHRASE = "user_42", "rep@example.com", "+14155551234", "cancel my account"
BODY, COMMENT = "Your callback is scheduled for 3pm", "auto-dialed by agent"
MOST_SHARE, MOST_CALLS = 0.40, 2
"""Of the tokens of plain operations, and tool calls for one wish."""


def size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


@dataclass
class Model:
    """Who calls the tools, and what it read and wrote for that, in bytes."""

    client: Client
    surface: str
    sandbox: Sandbox
    listed: int = 0
    exchanged: int = 0
    calls: list[str] = field(default_factory=list[str])
    found: set[str] = field(default_factory=set[str])
    requests: int = 0

    async def list_tools(self) -> None:
        for tool in (await self.client.list_tools()).tools:
            whole = tool.model_dump(by_alias=True, exclude_none=True)
            self.listed += size({k: whole[k] for k in ("name", "description", "inputSchema")})

    async def call(self, tool: str, /, **arguments: Any) -> Json:
        """The answer of a tool, which must succeed."""
        result = await self.client.call_tool(f"aircall_{tool}", arguments)
        answer: Json = result.structured_content or {}
        if result.is_error:
            raise RuntimeError(f"{tool}: {answer}")
        self.exchanged += size({"name": f"aircall_{tool}", "arguments": arguments}) + size(answer)
        self.calls.append(tool)
        return answer

    async def perform(self, operation: str, /, **arguments: Any) -> Any:
        """The data of a plain operation: itself, or by way of its performer."""
        if self.surface == "full":
            return (await self.call(operation, **arguments)).get("data")
        effect = EFFECTS[operation]
        answer = await self.call(effect, operation=operation, arguments=arguments)
        return answer.get("data")

    async def looked_for(self, need: str) -> None:
        """Who does not see an operation looks for it first."""
        if self.surface == "search":
            await self.call("search", query=need)

    @property
    def tokens(self) -> int:
        return (self.listed + self.exchanged) // 4


EFFECTS = {operation.id: operation.effect for operation in spec.load().operations}


async def outbound(model: Model) -> None:
    await model.call("place_call", user=REP, to=TO, tags=["follow_up"])


async def outbound_plainly(model: Model) -> None:
    for need in ("find a user by e-mail", "numbers of a user", "place an outbound call",
                 "newest calls", "list the tags", "tag a call"):  # fmt: skip
        await model.looked_for(need)
    user = (await model.perform("get_user_v2", user_id=REP))["user"]["id"]
    numbers = (await model.perform("list_user_numbers", user_id=user))["numbers"]
    await model.perform("start_outbound_call", user_id=user, number_id=numbers[0]["id"], to=TO)
    call = (await model.perform("list_calls", max_items=5))["calls"][0]["id"]
    tags = (await model.perform("list_tags"))["tags"]
    tag = next(one["id"] for one in tags if one["name"] == "follow_up")
    await model.perform("add_call_tags", call_id=call, tags=[tag])


async def sms(model: Model) -> None:
    await model.call("forward_events", kinds=["message.received"], to="#support")
    await model.call("send_text", **{"from": "num_555", "to": [TO], "body": BODY})


async def sms_plainly(model: Model) -> None:
    for need in ("list our numbers", "pass incoming texts on to Slack", "send a text"):
        await model.looked_for(need)
    numbers = (await model.perform("list_numbers"))["numbers"]
    number = next(one["id"] for one in numbers if one["name"] == "num_555")
    await model.perform("forward_events", kinds=["message.received"], to="#support")
    await model.perform("send_message_in_conversation", number_id=number, to=TO, body=BODY)


async def review(model: Model) -> None:
    await model.call("scan_transcripts", user=USER, period="yesterday", phrases=[PHRASE])
    await paused_and_resumed(model)


async def paused_and_resumed(model: Model) -> None:
    """The live call is known to who asks for it: by the client, or by an event."""
    call = next(one.id for one in reversed(model.sandbox.world.calls) if one.ended > now())
    for operation in ("pause_call_recording", "resume_call_recording"):
        await model.perform(operation, call_id=call)


async def review_plainly(model: Model) -> None:
    for need in ("list users", "calls of a user yesterday", "transcript of a call",
                 "pause the recording", "resume the recording"):  # fmt: skip
        await model.looked_for(need)
    users = (await model.perform("list_users_v2"))["users"]
    user = next(one["id"] for one in users if one["name"] == USER)
    midnight = (int(now()) - 6 * 3600) // 86_400 * 86_400 + 6 * 3600
    calls = (
        await model.perform(
            "search_calls", user_id=user, to=str(midnight), **{"from": str(midnight - 86_400)}
        )
    )["calls"]
    flagged = 0
    for call in calls:
        if call["answered_at"]:
            read = await model.perform("get_call_transcription", call_id=call["id"])
            flagged += PHRASE in json.dumps(read)
    assert flagged
    await paused_and_resumed(model)


async def operator(model: Model) -> None:
    found = await model.call("search", query="place an outbound call")
    tool = found["matches"][0]["tool"]
    await model.call("describe", operation=tool)
    placed = await model.call("place_call", user=USER, to=TO)
    call = placed["data"]["call"]["id"]
    await model.perform("add_call_comment", call_id=call, content=COMMENT)


async def operator_plainly(model: Model) -> None:
    await model.call("search", query="place an outbound call")
    if model.surface == "search":
        await model.call("describe", operation="start_outbound_call")
    for need in ("list users", "numbers of a user", "newest calls", "comment on a call"):
        await model.looked_for(need)
    users = (await model.perform("list_users_v2"))["users"]
    user = next(one["id"] for one in users if one["name"] == USER)
    numbers = (await model.perform("list_user_numbers", user_id=user))["numbers"]
    await model.perform("start_outbound_call", user_id=user, number_id=numbers[0]["id"], to=TO)
    call = (await model.perform("list_calls", max_items=5))["calls"][0]["id"]
    await model.perform("add_call_comment", call_id=call, content=COMMENT)


NEEDS = {
    "run_script": "run a Python script over the tools",
    "get_user_v2": "find a user by e-mail", "list_user_numbers": "numbers of a user",
    "start_outbound_call": "place an outbound call", "list_calls": "newest calls",
    "list_tags": "list the tags", "add_call_tags": "tag a call", "send_text": "send a text",
    "forward_events": "pass incoming texts on to Slack", "list_users_v2": "list the users",
    "scan_transcripts": "find phrases in transcripts", "add_call_comment": "comment on a call",
    "pause_call_recording": "pause the recording", "resume_call_recording": "resume the recording",
}  # fmt: skip


async def scripted(model: Model, functions: list[str], code: str, known: bool) -> None:
    """One script, and what it would do done: on the small surface, where scripts and plans are
    performed by `aircall_read` and `aircall_reach`. Who knows the names of the functions fetches
    their stubs; who does not looks for each first, once, and for how scripts are run."""
    if known:
        await model.call("describe", stubs=functions)
    else:
        for name in ("run_script", *functions):
            if name not in model.found:
                await model.looked_for(NEEDS[name])
                model.found.add(name)
    answer = await model.perform("run_script", code=code)
    if plan := answer.get("plan"):
        await model.perform("plan", draft=plan["draft"])


async def outbound_scripted(model: Model, *, known: bool) -> None:
    await scripted(
        model,
        ["get_user_v2", "list_user_numbers", "start_outbound_call"],
        f"""u = (await get_user_v2(user_id="{REP}"))["data"]["user"]["id"]
n = (await list_user_numbers(user_id=u))["data"]["numbers"][0]["id"]
await start_outbound_call(user_id=u, number_id=n, to="{TO}")""",
        known,
    )
    await scripted(
        model,
        ["list_calls", "list_tags", "add_call_tags"],
        """c = (await list_calls(max_items=1))["data"]["calls"][0]["id"]
t = [t["id"] for t in (await list_tags())["data"]["tags"] if t["name"] == "follow_up"]
await add_call_tags(call_id=c, tags=t)""",
        known,
    )


async def sms_scripted(model: Model, *, known: bool) -> None:
    if not known:
        await model.looked_for(NEEDS["forward_events"])
    await model.perform("forward_events", kinds=["message.received"], to="#support")
    code = f"""await send_text(from_="num_555", to=["{TO}"], body="{BODY}")"""
    await scripted(model, ["send_text"], code, known)


async def review_scripted(model: Model, *, known: bool) -> None:
    call = next(one.id for one in reversed(model.sandbox.world.calls) if one.ended > now())
    await scripted(
        model,
        ["scan_transcripts", "pause_call_recording", "resume_call_recording"],
        f"""r = await scan_transcripts(user="{USER}", period="yesterday", phrases=["{PHRASE}"])
await pause_call_recording(call_id={call})
await resume_call_recording(call_id={call})
r["data"]""",
        known,
    )


async def operator_scripted(model: Model, *, known: bool) -> None:
    await model.call("search", query="place an outbound call")
    await scripted(
        model,
        ["list_users_v2", "list_user_numbers", "start_outbound_call"],
        f"""us = (await list_users_v2())["data"]["users"]
u = [u["id"] for u in us if u["name"] == "{USER}"][0]
n = (await list_user_numbers(user_id=u))["data"]["numbers"][0]["id"]
await start_outbound_call(user_id=u, number_id=n, to="{TO}")""",
        known,
    )
    await scripted(
        model,
        ["list_calls", "add_call_comment"],
        f"""c = (await list_calls(max_items=1))["data"]["calls"][0]["id"]
await add_call_comment(call_id=c, content="{COMMENT}")""",
        known,
    )


Told = Callable[[Model], Awaitable[None]]
JOURNEYS: Mapping[str, tuple[Told, Told, Callable[..., Awaitable[None]], int]] = {
    "outbound": (outbound, outbound_plainly, outbound_scripted, 1),
    "sms": (sms, sms_plainly, sms_scripted, 2),
    "review": (review, review_plainly, review_scripted, 3),
    "operator": (operator, operator_plainly, operator_scripted, 4),
}
"""With tools for tasks, with plain operations, by scripts, and how many wishes it is: searching,
loading, commenting, pausing, resuming and forwarding count as one each."""


def now() -> float:
    import time

    return time.time()


async def ran(told: Told, surface: str, *, all_tools: bool = False) -> Model:
    """One journey, in a sandbox and a home of its own."""
    sandbox = Sandbox(spec.document())
    workflows = {o.id for o in spec.load().operations if o.ours and "tasks" in o.surfaces}
    plain = workflows - {o.id for o in spec.load().operations if o.toolset in ("search", "events")}
    with tempfile.TemporaryDirectory() as home:
        settings = settings_from(
            {
                "sandbox": True,
                "surface": surface,
                "home": home,
                # What is compared with tools for tasks has none.
                "exclude_tools": ()
                if surface == "tasks" or all_tools
                else tuple(plain - {"approval_status"}),
            }
        )
        transport = httpx2.ASGITransport(app=sandbox)
        async with open_app(settings, {}, transport=transport) as app:
            server = AircallServer(app.desk, call_timeout=settings.call_timeout)
            async with Client(server) as client:
                model = Model(client, surface, sandbox)
                await model.list_tools()
                before = len(sandbox.arrivals)
                await told(model)
                model.requests = len(sandbox.arrivals) - before
                return model


def table() -> tuple[list[str], list[str]]:
    """The rows, and what falls short."""
    rows = [
        "| journey | wishes | with | tools/list | exchanged | tokens | share | tool calls |"
        " requests |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    short: list[str] = []
    for name, (shaped, plainly, by_script, wishes) in JOURNEYS.items():
        with_tasks = asyncio.run(ran(shaped, "tasks"))
        others = {one: asyncio.run(ran(plainly, one)) for one in ("full", "search")}
        rows.append(_row(name, wishes, "tasks", with_tasks, ""))
        for words, known in (("scripts, search", False), ("scripts, names known", True)):
            model = asyncio.run(ran(partial(by_script, known=known), "search", all_tools=True))
            share = with_tasks.tokens / model.tokens
            rows.append(_row("", "", words, model, f"{share:.0%}"))
        for surface, model in others.items():
            share = with_tasks.tokens / model.tokens
            rows.append(_row("", "", f"plain, {surface}", model, f"{share:.0%}"))
        share = with_tasks.tokens / others["full"].tokens
        if share > MOST_SHARE:
            short.append(f"{name}: {share:.0%} of the tokens of plain operations")
        if len(with_tasks.calls) > MOST_CALLS * wishes:
            short.append(f"{name}: {len(with_tasks.calls)} tool calls for {wishes} wishes")
    return rows, short


def _row(name: str, wishes: int | str, how: str, model: Model, share: str) -> str:
    requests = model.requests
    cells = (name, wishes, how, model.listed // 4, model.exchanged // 4, model.tokens, share,
             len(model.calls), requests)  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


PAGE = """\
# What a journey costs a model

`python benchmarks/journeys.py` writes this page. Tokens are a quarter of the bytes: of tools/list,
and of what is *exchanged*, arguments and results. *share* is what the tools for tasks take of that.
The wishes are those of [docs/journeys.md](../docs/journeys.md).

{table}

Plain operations are those of the surface `full` without the tools for tasks, all listed at once; on
the surface `search` each is looked for first, once. *scripts* are on the surface `search`, too, and
what they would do is one plan. A model that does not know the names looks for each function that a
script calls, and for scripts, first and once; one that knows them fetches their stubs, once for
each script.
"""


def main() -> int:
    rows, short = table()
    print("\n".join(rows))
    Path(__file__).with_suffix(".md").write_text(PAGE.format(table="\n".join(rows)), "utf-8")
    for line in short:
        print(f"short: {line}", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
