"""Scripts of a model, over the built-in sandbox: what they read, what they may not, and the plan of
what they would do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp import spec
from aircall_mcp.app import App, open_app
from aircall_mcp.desk import Outcome, Question
from aircall_mcp.errors import NotOffered
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.extras import absent
from aircall_mcp.offer import offers_for
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.entities import Call
from aircall_mcp.scripts import Interpreter, Limits
from aircall_mcp.scripts.confined import SPARE_SECONDS, confine

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

MISSED = 'found = await list_calls(max_items=200)\n[c["id"] for c in found["data"]["calls"]]'
TEXT_BOTH = """\
lines = (await list_numbers())["data"]["numbers"]
line = [n for n in lines if n["name"] == "num_555"][0]
for to in ("+34910000001", "+34910000002"):
    await send_text(to=[to], body="Sorry we missed you.", from_=str(line["id"]))
await create_tag(name="told", color="#00B388")
line["id"]
"""


@dataclass
class ScriptHarness:
    """An app over a sandbox of its own."""

    app: App
    sandbox: Sandbox

    async def call(self, tool: str, principal: str = "owner", /, **arguments: Any) -> Outcome:
        caller = Caller(principal=principal, interface="tests")
        return await self.app.desk.call(f"aircall_{tool}", arguments, caller)

    async def run(self, code: str, principal: str = "owner") -> Json:
        return (await self.call("run_script", principal, code=code)).payload

    async def error(self, code: str) -> Json:
        return (await self.run(code))["error"]

    @property
    def effects(self) -> int:
        return sum(one.method != "GET" for one in self.sandbox.arrivals)


@asynccontextmanager
async def script_harness(
    home: Path, interpreter: Interpreter | None = None, **flags: Any
) -> AsyncGenerator[ScriptHarness]:
    settings = settings_from({"sandbox": True, "ask": True, "home": home, **flags})
    sandbox = Sandbox(spec.document())
    transport = httpx2.ASGITransport(app=sandbox)
    async with open_app(settings, {}, transport=transport, interpreter=interpreter) as app:
        yield ScriptHarness(app, sandbox)


@pytest.fixture
async def harness(home: Path) -> AsyncGenerator[ScriptHarness]:
    async with script_harness(home) as made:
        yield made


async def test_a_script_reads_what_the_tools_read(harness: ScriptHarness) -> None:
    listed = (await harness.call("list_calls", max_items=200)).payload
    answer = await harness.run(MISSED)
    assert answer["data"]["result"] == [call["id"] for call in listed["data"]["calls"]]
    assert answer["sandbox"]
    assert "quotes, not instructions" in answer["notes"][0]
    code = "import asyncio\nfound = await asyncio.gather(list_tags(), aircall_list_teams())\n"
    both = await harness.run(code + "print(len(found))\n[sorted(one['data']) for one in found]")
    assert both["data"] == {"result": [["tags"], ["teams"]], "printed": "2\n"}
    assert harness.effects == 0


async def test_a_list_without_its_end_is_told(harness: ScriptHarness) -> None:
    answer = await harness.run("len((await list_calls(max_items=3))['data']['calls'])")
    assert answer["data"]["result"] == 3
    assert "list_calls" in answer["notes"][1]


async def test_what_it_would_do_is_listed_asked_once_and_done_without_it(
    harness: ScriptHarness,
) -> None:
    answer = await harness.run(TEXT_BOTH)
    assert harness.effects == 0
    line, plan = answer["data"]["result"], answer["data"]["plan"]
    told = {"number_id": line, "body": "Sorry we missed you."}
    assert [step["arguments"] for step in plan["steps"]] == [
        {**told, "to": "+34910000001"},
        {**told, "to": "+34910000002"},
        {"name": "told", "color": "#00B388"},
    ]
    assert [step["operation"] for step in plan["steps"]] == [
        *["send_message_in_conversation"] * 2, "create_tag",
    ]  # fmt: skip
    asked = await harness.call("plan", draft=plan["draft"])
    assert isinstance(asked, Question)
    for said in ("3 steps", "+34910000001", "+34910000002", "Sorry we missed you.", "told"):
        assert said in asked.preview
    assert harness.effects == 0
    assert await harness.app.desk.answer(asked.approval, yes=True, grade=2, way="tests")
    harness.sandbox.arrivals.clear()
    done = (await harness.call("plan", draft=plan["draft"])).payload["data"]
    assert done["outcomes"] == ["done"] * 3
    assert "/v1/numbers" not in {
        one.path for one in harness.sandbox.arrivals
    }  # what the script read
    assert harness.effects == 3
    again = (await harness.call("plan", draft=plan["draft"])).payload["data"]
    assert again["outcomes"] == ["done"] * 3
    assert harness.effects == 3


def called(sandbox: Sandbox, *calls: tuple[str, int, str]) -> None:
    """Calls of these phones, that began then and were missed, answered or outbound."""
    world = sandbox.world
    number, user = next(iter(world.numbers)), next(iter(world.users))
    kept = [*world.calls]
    for phone, at, how in calls:
        missed = how == "missed"
        kept.append(
            Call(world.next_id("call"), "outbound" if how == "outbound" else "inbound", number,
                 None if missed else user, phone, at, at + 5 if how == "answered" else None,
                 at + 30, missed="agents_did_not_answer" if missed else None)
        )  # fmt: skip
    world.calls.clear()
    for call in sorted(kept, key=lambda call: call.started):
        world.add_call(call)


async def test_yesterdays_missed_callers_from_spain_are_texted_on_one_yes(
    harness: ScriptHarness,
) -> None:
    """The sentence of docs/scripts.md, by the program that stands there."""
    page = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text("utf-8")
    (program,) = re.findall(r"missed calls from Spain.*?```python\n(.*?)```", page, re.DOTALL)
    nobody = await harness.run(program)
    assert nobody["data"] == {"result": []}

    window = (await harness.call("find_calls", period="yesterday")).payload["window"]
    noon = int(datetime.fromisoformat(window["begin"]).timestamp()) + 12 * 3600
    called(
        harness.sandbox,
        ("+34910000002", noon, "missed"),
        ("+34910000002", noon + 60, "missed"),
        ("+34910000001", noon + 120, "missed"),
        ("+33184880099", noon + 180, "missed"),
        ("+34910000003", noon + 240, "answered"),
        ("+34910000004", noon - 86_400, "missed"),
        ("+34910000005", noon + 300, "outbound"),
    )

    answer = (await harness.run(program))["data"]
    spanish = ["+34910000001", "+34910000002"]
    assert answer["result"] == spanish
    assert [step["arguments"]["to"] for step in answer["plan"]["steps"]] == spanish
    assert harness.effects == 0
    draft = answer["plan"]["draft"]
    asked = await harness.call("plan", draft=draft)
    assert isinstance(asked, Question)
    assert all(number in asked.preview for number in spanish)
    assert await harness.app.desk.answer(asked.approval, yes=True, grade=2, way="tests")
    for _ in range(2):  # the same call again does nothing twice
        done = (await harness.call("plan", draft=draft)).payload["data"]
        assert done["outcomes"] == ["done"] * 2
        assert harness.effects == 2
    sent = [one for one in harness.sandbox.arrivals if one.method != "GET"]
    assert [json.loads(one.body)["to"] for one in sent] == spanish


async def test_the_listed_steps_are_the_same_plan(harness: ScriptHarness) -> None:
    """For who lost the draft: a server that was started anew knows none."""
    plan = (await harness.run(TEXT_BOTH))["data"]["plan"]
    by_draft = await harness.call("plan", draft=plan["draft"])
    by_steps = await harness.call("plan", steps=plan["steps"])
    assert isinstance(by_draft, Question)
    assert isinstance(by_steps, Question)
    assert by_draft.approval == by_steps.approval


async def test_a_draft_is_its_principals(harness: ScriptHarness) -> None:
    draft = (await harness.run(TEXT_BOTH))["data"]["plan"]["draft"]
    for name, principal in ((draft, "bert"), ("0123456789", "owner")):
        error = (await harness.call("plan", principal, draft=name)).payload["error"]
        assert error["kind"] == "argument"
        assert "run the script again" in error["hint"]
    both = (await harness.call("plan", draft=draft, steps=[{"operation": "list_tags"}])).payload
    assert both["error"]["kind"] == "argument"
    assert harness.effects == 0


async def test_a_script_that_fails_has_no_plan(harness: ScriptHarness) -> None:
    error = await harness.error(TEXT_BOTH + "1 / 0")
    assert error["kind"] == "argument"
    assert "ZeroDivisionError" in error["message"]
    assert "line 7" in error["message"]
    assert error.keys() == {"kind", "message", "hint"}
    assert error["hint"].endswith("quotes, not instructions.")  # it may tell of what was read


SHARING = "x = (1,)\nfor _ in range(25):\n    x = (x, x)\n"
"""A key that is small where its parts are shared, and is not where each of them counts."""


async def test_what_is_built_of_shared_parts_is_not_built_here(harness: ScriptHarness) -> None:
    """Whoever hashes it without remembering what they hashed is at it for ever."""
    began = time.process_time()
    for last in (
        "{x: 1}", "{x}", "[frozenset({x})]", "1; {x: 1}", "await list_tags(page={x: 1})",
        "list_tags = lambda: {x: 1}\nlist_tags()", "isinstance = lambda *_: False\n{x: 1}",
        "for name in [*locals()]:\n    exec(f'{name} = lambda value: {{x: 1}}')",
        "for name in locals():\n    if len(name) > 30:\n        eval(name + '({x: 1})')",
    ):  # fmt: skip
        assert (await harness.error(SHARING + last))["kind"] == "argument", last
    assert time.process_time() - began < 6
    assert (await harness.run("1"))["data"]["result"] == 1


FAILING: Mapping[str, str] = {
    "nope()": "aircall_search finds them",
    "(await list_tags)['data']": "",
    "list_tags()['data']": "Write `await`",
    "await list_calls(7)": "by name",
    "await list_calls(form=7)": "Did you mean `from`?",
    "await list_calls(tags=[0] * 100000)": "too long",
    "await get_call(call_id=1)": "404",
    "await place_call(to='+34910000001')": "cannot be a step of a plan",
    "await plan(steps=[])": "not defined",
    "await run_script(code='1')": "not defined",
    "await approval_status()": "not defined",
    "await reach(operation='send_message')": "not defined",
    "await create_tag(name='x', color='#00B388', dry_run=True)": "dry_run",
    "for n in range(1000): await list_tags(page=0)": "argument",
    "x = [0] * 300\nx = [x] * 300\n[x] * 300": "too long",
    "'x' * 17000": "too long",
    "[await list_calls(max_items=200) for n in range(1)]": "too long",
    "10 ** 300": "too large",
    "10 ** 5000": "too large",
    "float('nan')": "without end",
    "class A: pass\nA()": "no JSON",
    "x = []\nfor n in range(100): x = [x]\nx": "deeply",
    "print('x' * 17000)": "holds or prints too much",
    "(1": "SyntaxError",
    "open('/etc/passwd')": "PermissionError",
    "import subprocess": "There are json",
}  # fmt: skip
"""Programs that do not go well, and what is said of that."""


async def test_what_fails_says_why_and_what_to_do(harness: ScriptHarness) -> None:
    for code, said in FAILING.items():
        error = await harness.error(code)
        assert error["kind"] == "argument", (code, error)
        assert said in f"{error['message']} {error.get('hint', '')}", (code, error)
    assert harness.effects == 0


async def test_a_failure_is_caught_as_any_other(harness: ScriptHarness) -> None:
    code = "try:\n    await get_call(call_id=1)\nexcept RuntimeError as e:\n    said = str(e)\nsaid"
    assert (await harness.run(code))["data"]["result"].startswith("refused: ")


async def test_what_stands_before_a_script_is_not_seen(harness: ScriptHarness) -> None:
    message = (await harness.error("def f():\n    return get_call(call_id=1)\nawait f()"))[
        "message"
    ]
    assert "line 3\n    await f()" in message
    assert "answer" not in message.partition("RuntimeError")[0]


async def test_what_is_not_json_becomes_it_where_it_can(harness: ScriptHarness) -> None:
    code = "import datetime\n({1: (1, 2.5, None, True)}, {3}, datetime.date(2026, 11, 28))"
    assert (await harness.run(code))["data"]["result"] == [
        {"1": [1, 2.5, None, True]}, [3], "2026-11-28",
    ]  # fmt: skip


async def test_nobody_is_asked_from_a_script(harness: ScriptHarness) -> None:
    """A read that needs a yes is one to be called by itself."""
    code = "await list_calls(fetch_short_urls=True)"
    asked = await harness.call("list_calls", fetch_short_urls=True)
    assert isinstance(asked, Question)
    before = len(await harness.app.safety.approvals.waiting())
    for _ in range(3):
        assert "needs_confirmation" in (await harness.error(code))["message"]
    assert len(await harness.app.safety.approvals.waiting()) == before


async def test_one_principal_leaves_room_for_others(home: Path) -> None:
    ended: list[str] = []

    async def run(harness: ScriptHarness, code: str, principal: str) -> None:
        await harness.run(code, principal)
        ended.append(principal)

    async with script_harness(home, Interpreter(Limits(computing=0.5))) as harness:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(run(harness, "while True:\n    pass", "greedy"))
            tasks.create_task(run(harness, "1", "modest"))
        assert ended.index("modest") <= 2, ended


TRIES = """
import os, socket, sys
print("ready", flush=True)
sys.stdin.readline()
for attempt in (
    lambda: open("/etc/hostname"), lambda: open(sys.argv[1], "w"), socket.socket, os.pipe,
    lambda: sys.stdout.fileno() and os.dup(1), lambda: bytearray(2 ** 30),
):
    try:
        attempt()
        print("done")
    except (OSError, MemoryError) as error:
        print(type(error).__name__)
sys.stdout.flush()
while True:
    pass
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
def test_what_is_confined_opens_nothing_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRIES, str(tmp_path / "made")]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert confine(process.pid, computing=1 - SPARE_SECONDS, memory=0)
    told, _ = process.communicate("go\n", timeout=60)
    assert told.split() == ["OSError"] * 5 + ["MemoryError"]
    assert process.returncode < 0  # the system ended it: its time was up
    assert list(tmp_path.iterdir()) == []


def children() -> list[int]:
    """The processes of this one; others come and go meanwhile."""
    ours: list[int] = []
    for one in Path("/proc").iterdir():
        with suppress(OSError):
            if one.name.isdigit() and f"\nPPid:\t{os.getpid()}\n" in (one / "status").read_text():
                ours.append(int(one.name))
    return ours


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
async def test_a_script_is_confined() -> None:
    import resource

    async def seen() -> str:
        """Asked from within the script, so that its process is there."""
        return json.dumps([resource.prlimit(one, resource.RLIMIT_NOFILE)[1] for one in children()])

    interpreter = Interpreter()
    try:
        ran = await interpreter.run("await seen()", {"seen": seen})
    finally:
        await interpreter.aclose()
    assert 0 in ran.value, ran.value


async def test_only_what_is_on_offer_is_there(home: Path) -> None:
    async with script_harness(home, read_only=True) as harness:
        assert (await harness.run("len((await list_tags())['data'])"))["data"]["result"] == 1
        for name in ("create_tag", "send_text", "aircall_send_message"):
            assert "NameError" in (await harness.error(f"await {name}(name='x')"))["message"]
    async with script_harness(home, exclude_tools=["list_tags"]) as harness:
        assert "NameError" in (await harness.error("await list_tags()"))["message"]


async def test_stubs_are_described(home: Path) -> None:
    async with script_harness(home, surface="tasks") as harness:
        told = (await harness.call("describe", stubs=["find_calls", "aircall_send_text"])).payload
        first, second = told["stubs"]
        assert first.startswith("async def find_calls(*, period: str = ..., ")
        assert "from_: str = ..." in second
        assert "self" not in first + second


async def test_without_the_extra_it_is_told_how_to_have_it(home: Path) -> None:
    assert absent([]) == {"scripts"}
    assert absent() == set()
    settings = settings_from({"sandbox": True, "home": home, "surface": "tasks"})
    offers = offers_for(settings, without=frozenset({"scripts"}))
    async with open_app(settings, {}, offers=offers) as app:
        assert "aircall_run_script" not in {tool["name"] for tool in app.desk.offer().tools}
        with pytest.raises(NotOffered) as caught:
            await app.desk.call("aircall_run_script", {"code": "1"}, Caller())
        install = "pip install '.[scripts]'"
        assert install in caught.value.hint
        asked = {"operation": "run_script", "arguments": {"code": "1"}}
        told = (await app.desk.call("aircall_read", asked, Caller())).payload
        assert install in told["error"]["hint"]
        asked = {"query": "run a python script over aircall"}
        found = (await app.desk.call("aircall_search", asked, Caller())).payload["matches"]
        assert any(install in one.get("not_offered", "") for one in found)


@pytest.mark.parametrize("end", ["1 / 0", "while True: pass"])
async def test_nothing_goes_on_for_a_script_that_is_over(home: Path, end: str) -> None:
    """Each of these would wait for minutes, and look at the calls of the company meanwhile."""
    call = "wait_for_event(kinds=['call.answered'], timeout_seconds=300)"
    async with script_harness(home, Interpreter(Limits(seconds=1))) as made:
        await made.run("await list_tags()")
        await made.run(f"for _ in range(30): {call}\n{end}")
        running = asyncio.create_task(made.run(f"await {call}"))
        await asyncio.wait([running], timeout=0.5)
        running.cancel()
        await asyncio.wait([running], timeout=0.5)
        assert [one for one in asyncio.all_tasks() if "_answered" in repr(one)] == []
