"""Scripts that want out of the interpreter, past their limits, or to do what nobody said yes to."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from aircall_mcp.app import open_app
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.sandbox.edge import Keys
from aircall_mcp.scripts import Interpreter, Limits
from aircall_mcp.scripts.result import LARGEST

from ..upstream import nearby
from .hostile import KINDS, program

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HURRIED = Limits(seconds=20, computing=0.4, memory=16 * 1024 * 1024, turns=300, depth=100)
CANARY = "canary-of-the-host-7f3a91"
VARIABLE = "AIRCALL_TESTS_CANARY"
FAILURES = {"argument", "not_allowed", "budget"}


@pytest.mark.timeout(7200)
async def test_no_script_gets_out_and_none_does_anything(
    home: Path, tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, CANARY)
    folder = tmp_path / "of the host"
    folder.mkdir()
    (folder / "secret.txt").write_text(CANARY)
    before = sorted(folder.iterdir())
    around = {"path": str(folder / "secret.txt"), "folder": str(folder), "variable": VARIABLE}
    keys = Keys()
    host = (CANARY, str(tmp_path), sys.prefix, "site-packages", "aircall_mcp/", "pydantic_monty",
            os.environ["PATH"], keys.api_token)  # fmt: skip
    environment = {"AIRCALL_API_ID": keys.api_id, "AIRCALL_API_TOKEN": keys.api_token}
    chance, came = random.Random(20261128), Counter[str]()
    flags = {"home": home, "surface": "tasks", "requests_per_minute": 100_000}
    async with (
        nearby() as up,
        open_app(
            settings_from({**flags, "base_url": up.proxy.base_url}, environment),
            environment,
            interpreter=Interpreter(HURRIED),
        ) as app,
    ):

        async def attack(kind: str, code: str, caller: Caller) -> None:
            around_it = json.dumps(code)
            outcome = await app.desk.call("aircall_run_script", {"code": code}, caller)
            told = json.dumps(outcome.payload, ensure_ascii=False)
            for word in host:
                assert word not in told or word in code, (kind, around_it, told)
            if outcome.is_error:
                assert outcome.payload["error"]["kind"] in FAILURES, (kind, around_it, told)
            assert len(told.encode()) <= LARGEST * 1.1, (kind, around_it)
            came[f"{kind}: {'failed' if outcome.is_error else 'answered'}"] += 1

        async def attacks(caller: Caller) -> None:
            while queue:
                await attack(*queue.pop(), caller)

        each = 1_000 if full else 30
        queue = [(kind, program(kind, chance, around)) for kind in KINDS for _ in range(each)]
        async with asyncio.TaskGroup() as tasks:
            for principal in ("one", "one", "other", "other"):
                tasks.create_task(attacks(Caller(principal=principal)))
        reads = up.arrivals()
        arrived = [one for one in up.sandbox.arrivals if one.method != "GET"]
        assert arrived == []
        assert await app.safety.approvals.waiting() == []
        assert (await app.desk.call("aircall_run_script", {"code": "1"}, Caller())).payload[
            "data"
        ] == {"result": 1}
    assert sorted(folder.iterdir()) == before
    assert (folder / "secret.txt").read_text() == CANARY
    assert sum(came.values()) == each * len(KINDS)
    print(dict(sorted(came.items())), reads, "requests, all of them GET")
