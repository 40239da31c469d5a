"""The emergency brake as a person pulls it, and as a client that is connected hears of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group, stop
from aircall_mcp.errors import ArgumentError, StoreError
from aircall_mcp.gateway.journal import MIGRATIONS, Asking, Journal
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.safety import Brake
from aircall_mcp.storage.state import InMemory

from ..harness import Clock
from ..processes import spoken
from ..terminal import on_terminal
from ..waiting import aside

pytestmark = pytest.mark.anyio


def typed(*words: str, code: int = 0) -> Any:
    """What stands on stdout, and what is said beside it."""
    result = CliRunner().invoke(group, [*words])
    assert result.exit_code == code, result.output
    return result


def asked(*words: str, code: int = 0) -> Any:
    return json.loads(typed(*words, "--json", code=code).stdout)


@pytest.mark.slow
async def test_a_server_that_runs_refuses_effects_at_once_and_goes_on_reading(home: Path) -> None:
    async with spoken("--sandbox") as server:
        tag = {"name": "Upsell", "color": "#FF5733"}
        assert "data" in await server.call("aircall_create_tag", **tag)
        said = await aside(asked, "stop", "--reason", "it dials strangers")
        began = time.monotonic()
        refused = (await server.call("aircall_create_tag", **tag | {"name": "b"}))["error"]
        assert time.monotonic() - began < 1
        assert (refused["kind"], said["stopped"]) == ("not_allowed", True)
        assert "`aircall-mcp resume`" in refused["hint"]
        rule = {"kinds": ["call.ended"], "to": "slack:support"}
        assert (await server.call("aircall_forward_events", **rule))["error"][
            "kind"
        ] == "not_allowed"
        assert "data" in await server.call("aircall_list_tags")
        assert (await server.call("aircall_search", query="send a text"))["matches"]
    async with spoken("--sandbox") as server:  # it survives the end of every process
        refused = (await server.call("aircall_create_tag", **tag))["error"]
        assert refused["kind"] == "not_allowed"
        assert (await aside(on_terminal, "resume")).code == 0
        assert "data" in await server.call("aircall_create_tag", **tag)


def test_it_is_pulled_whatever_else_is_broken(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("nonsense = [")
    (home / "journal.db").write_bytes(b"not a database at all, be it ever so long" * 40)
    (home / "journal.db").chmod(0o600)
    said = asked("stop")
    assert said["stopped"]
    assert "damaged" in said["trouble"]["message"]
    assert Brake(home).holds()
    told = typed("stop")
    assert "It was already pulled" in told.stderr
    assert "could not be checked" in told.stderr
    assert on_terminal("resume").code == 0
    assert not Brake(home).holds()


def test_where_it_cannot_be_pulled_that_is_said_and_what_to_do_instead(home: Path) -> None:
    home.write_text("no directory")
    done = CliRunner().invoke(group, ["stop", "--json"])
    assert isinstance(done.exception, StoreError)
    assert done.exception.message.startswith("Nothing was stopped: ")
    assert done.exception.hint.startswith("End the servers themselves")


def test_doctor_and_the_statuses_say_it_first(home: Path) -> None:
    quiet = asked("doctor", "--sandbox")["findings"]
    assert "stopped" not in [one["what"] for one in quiet]
    assert "stopped" not in asked("forward", "status")
    typed("stop", "--reason", "it dials strangers")
    [first, *_] = asked("doctor", "--sandbox")["findings"]
    assert (first["what"], first["state"]) == ("stopped", "attention")
    assert "it dials strangers" in first["said"]
    assert first["next"] == "aircall-mcp resume"
    assert "emergency brake" in typed("doctor", "--sandbox").stdout.splitlines()[0]
    for group_ in ("forward", "webhooks"):
        assert next(iter(asked(group_, "status"))) == "stopped"
        assert typed(group_, "status").stderr.startswith("error: the emergency brake is pulled")
    (home / "config.toml").write_text("nonsense = [")
    first, second, *_ = asked("doctor", code=1)["findings"]
    assert (first["what"], second["what"]) == ("stopped", "version")
    (home / "config.toml").unlink()
    assert "Resumed" in on_terminal("resume").text
    assert "stopped" not in [one["what"] for one in asked("doctor", "--sandbox")["findings"]]


def test_a_persons_own_commands_are_stopped_too(home: Path) -> None:
    assert "nor is what the built-in sandbox does" in " ".join(typed("stop").stderr.split())
    tag = ("--arg", "name=Upsell", "--arg", "color=#FF5733")
    refused = asked("run", "create_tag", "--sandbox", *tag, code=1)["error"]
    assert refused["kind"] == "not_allowed"
    assert asked("run", "list_tags", "--sandbox")["data"]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_program_does_not_release_it(home: Path, words: tuple[str, ...]) -> None:
    """Whatever it types: a model with a shell would let itself go on."""
    typed("stop")
    for said in ("y\n" * 9, ""):
        done = CliRunner().invoke(group, ["resume", *words], input=said)
        assert isinstance(done.exception, ArgumentError)
        assert "stays pulled" in done.exception.message
    assert Brake(home).holds()


def test_to_resume_what_was_not_stopped_changes_nothing(home: Path) -> None:
    assert asked("resume") == {"resumed": False, "was_stopped_since": None}
    assert "was not pulled" in typed("resume").stderr
    assert not home.exists()


class Hour:
    """An hour of a journal, and who is still at what."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.slept = 0
        self.ends: dict[int, Any] = {}
        handed = Handed(self.clock, self.clock, self._sleep)
        self.journal = Journal(lambda: InMemory(MIGRATIONS), clock=handed)
        self.handed = handed

    async def _sleep(self, seconds: float) -> None:
        self.slept += 1
        self.clock.pass_by(seconds)
        if self.slept in self.ends:
            await self.journal.mark(self.ends.pop(self.slept), "done", 204)

    async def begin(self, operation: str, patience: float = 30.0) -> Any:
        intent, _ = await self.journal.begin(
            operation, "company", operation, guarded=False, patience=patience,
            asking=Asking("mcp", "Claude", "acme", "+33…34"),
        )  # fmt: skip
        return intent


async def test_what_is_under_way_is_waited_for() -> None:
    hour = Hour()
    old = await hour.begin("create_tag")
    await hour.journal.mark(old, "done", 201)
    hour.clock.pass_by(3700)
    hour.ends = {3: await hour.begin("start_outbound_call"), 7: await hour.begin("send_message")}
    out, done = await stop.settled(hour.journal, 35, hour.handed)
    assert (list(out), hour.slept) == ([], 7)
    assert sorted(one.operation for one in done) == ["send_message", "start_outbound_call"]
    assert {one.outcome for one in done} == {"done"}
    hour.journal.close()


async def test_what_does_not_end_in_time_is_named_and_what_its_process_died_with_is_unknown() -> (
    None
):
    hour = Hour()
    await hour.begin("start_outbound_call", patience=5)
    await hour.begin("send_message", patience=600)
    out, done = await stop.settled(hour.journal, 35, hour.handed)
    assert [one.operation for one in out] == ["send_message"]
    assert out[0].asking.destination == "+33…34"
    assert {one.operation: one.outcome for one in done} == {
        "send_message": "pending", "start_outbound_call": "unknown",
    }  # fmt: skip
    assert 35 <= hour.slept * stop.LOOK < 36
    out, _ = await stop.settled(hour.journal, 0, hour.handed)
    assert len(out) == 1
    hour.journal.close()
