from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Accounts, Grant
from aircall_mcp.errors import CredentialError
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault import vault_at

from ..harness import App
from ..waiting import blocked_until
from .renewers import hurried
from .running import LIFETIME, RunningSandbox, SharedClock, auth_in, running_sandbox
from .worker import TASKS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PROCESSES = 4

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")


def start(module: str, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.chaos.{module}", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def say(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")


def hear(process: subprocess.Popen[bytes]) -> str:
    """The next line, byte by byte: what the suite watches passes through `os.read`."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(process.stdout.fileno(), 1)
        assert byte, f"the process said no more than {line!r}"
        line += byte
    return line.decode()


def report(name: str, figures: object) -> None:
    """One line for docs/security.md, seen with `-rP` or `-s`."""
    print(f"chaos {name}: {json.dumps(figures)}")


def test_every_expiry_is_renewed_exactly_once(home: Path, tmp_path: Path, full: bool) -> None:
    """Every other one comes unforeseen: all the tools hear of it is that their calls succeed."""
    expiries = 100 if full else 12
    clock = SharedClock(tmp_path / "clock")
    edge = Edge()
    with running_sandbox(clock, edge.before) as running:
        running.settle(home, clock())
        workers = [
            start("worker", str(home), str(tmp_path / "clock"), running.url)
            for _ in range(PROCESSES)
        ]
        statuses: Counter[int] = Counter()
        try:
            for number in range(expiries):
                if number % 2:
                    clock.pass_by(LIFETIME + 1)
                else:
                    clock.pass_by(LIFETIME / 10)
                    _take_back_the_access_tokens(running)
                for worker in workers:
                    say(worker)
                for worker in workers:
                    statuses.update(json.loads(hear(worker)))
        finally:
            for worker in workers:
                worker.communicate()
        oauth = running.sandbox.oauth
        report(
            "expiries",
            {
                "expiries": expiries,
                "processes": PROCESSES,
                "tasks": TASKS,
                "calls": statuses.total(),
                "rejected": edge.rejected,
                "refreshes": oauth.refreshes,
                "reused": oauth.reuses,
                "refused": statuses.total() - statuses[200],
            },
        )
        assert statuses == {200: expiries * PROCESSES * TASKS}
        assert oauth.refreshes == expiries
        assert oauth.reuses == 0
        assert len(oauth.families) == 1
        assert edge.rejected >= expiries // 2  # and no tool saw it


class Edge:
    """Answers 401 to an access token that is good no longer, which the sandbox's own edge answers
    403: only a 401 says so without doubt, and is worth a renewal.
    """

    def __init__(self) -> None:
        self.rejected = 0

    def before(self, app: App) -> App:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            async def said(message: Any) -> None:
                if message.get("status") == 403:
                    self.rejected += 1
                    message = {**message, "status": 401}
                await send(message)

            await app(scope, receive, said)

        return answer


def _take_back_the_access_tokens(running: RunningSandbox) -> None:
    for family in running.sandbox.oauth.families:
        family.access = dict.fromkeys(family.access, 0.0)


@pytest.mark.anyio
async def test_a_cancelled_caller_loses_nothing(home: Path, tmp_path: Path, full: bool) -> None:
    points = 200 if full else 40
    clock = SharedClock(tmp_path / "clock")
    with running_sandbox(clock) as running:
        await asyncio.to_thread(running.settle, home, clock())
        url = f"{running.url}/v1/ping"

        whole = 0.0
        for _ in range(3):  # the first ones import, the last one tells how long it takes
            auth, vault = auth_in(home, clock)
            clock.pass_by(LIFETIME + 1)
            begun = time.perf_counter()
            await auth.sign("paris", url)
            whole = time.perf_counter() - begun
            vault.close()

        reached: Counter[str] = Counter()
        while reached["cancelled"] < points:
            auth, vault = auth_in(home, clock)
            clock.pass_by(LIFETIME + 1)
            before = running.sandbox.oauth.refreshes
            caller = asyncio.create_task(auth.sign("paris", url))
            # The golden ratio strews the moments evenly over a renewal, however many there are.
            moment = whole * (reached.total() * 0.618034 % 1)
            asyncio.get_running_loop().call_later(moment, caller.cancel)
            try:
                await caller
                reached["finished"] += 1
            except asyncio.CancelledError:
                reached["cancelled"] += 1
            await auth.aclose()
            vault.close()
            other, its_vault = auth_in(home, clock)
            signature = await other.sign("paris", url)
            its_vault.close()
            token = signature.headers["Authorization"].removeprefix("Bearer ")
            assert running.sandbox.oauth.accepts(token, clock())
            assert running.sandbox.oauth.refreshes == before + 1
        oauth = running.sandbox.oauth
        report("cancels", {"points": points, **reached, "lost": oauth.reuses})
        assert oauth.reuses == 0
        assert not oauth.families[0].revoked


@needs_fork
def test_a_killed_process_loses_nothing_but_what_was_under_way(home: Path, full: bool) -> None:
    rounds = 1000 if full else 30
    chance = random.Random(9)
    with running_sandbox(time.time) as running:
        running.settle(home, hurried())
        renewers = start("renewers", str(home), f"{running.url}/v1/ping")
        seen: Counter[str] = Counter()
        victims: list[int] = []
        try:
            first = _first_renewal(renewers, running)
            running.settle(home, hurried())
            for _ in range(rounds):
                victims = [_forked(renewers) for _ in range(3)]
                # A moment between the fork of the first and some renewals later.
                time.sleep(chance.uniform(0, 1.5 * first))
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                for victim in victims:
                    _reaped(victim)
                victims = []
                seen[_outcome(home, running)] += 1
        finally:
            for victim in victims:  # who is left would keep the renewers' pipe open
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            renewers.communicate()
        refreshes = running.sandbox.oauth.refreshes
        report(
            "kills",
            {"rounds": rounds, "kills": 3 * rounds, "renewals": refreshes, "corrupt": 0, **seen},
        )
        assert seen["whole"] + seen["recovered"] + seen["reauth_required"] == rounds
        assert seen["whole"]
        assert refreshes > rounds


def _forked(renewers: subprocess.Popen[bytes]) -> int:
    say(renewers)
    return int(hear(renewers))


def _first_renewal(renewers: subprocess.Popen[bytes], running: RunningSandbox) -> float:
    """Seconds from a fork to the first renewal, on this machine and today."""
    begun = time.perf_counter()
    victim = _forked(renewers)
    blocked_until(lambda: running.sandbox.oauth.refreshes)
    os.kill(victim, signal.SIGKILL)
    _reaped(victim)
    return time.perf_counter() - begun


def _reaped(process: int) -> None:
    """Wait until the process is gone, and its locks with it."""

    def gone() -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        return False

    blocked_until(gone)


def _outcome(home: Path, running: RunningSandbox) -> str:
    """What a survivor finds: everything whole, something to recover, or that a person must log in.

    Any other finding fails: damage, an untyped error, a token lost while nothing was under way.
    """
    vault = vault_at(home, {})
    assert vault.check() == []
    account = Accounts(vault).load("paris").account
    vault.close()
    assert isinstance(account.credential, Grant)
    assert isinstance(account.credential.refresh_token, Secret)
    if account.state == "reauth_required":
        # One victim outlived the other by long enough to find its token spent, and said so.
        running.settle(home, hurried())
        return "reauth_required"
    refused = asyncio.run(_refused(home, running.url))
    if refused is None:
        return "recovered" if account.state == "renewing" else "whole"
    assert account.state == "renewing", "lost while nothing was under way"
    assert "accounts login paris" in refused.hint
    with closing(vault_at(home, {})) as vault:
        assert Accounts(vault).load("paris").account.state == "reauth_required"
    running.settle(home, hurried())
    return "reauth_required"


async def _refused(home: Path, url: str) -> CredentialError | None:
    auth, vault = auth_in(home, hurried)
    try:
        await auth.sign("paris", f"{url}/v1/ping")
    except CredentialError as error:
        return error
    finally:
        vault.close()
    return None
