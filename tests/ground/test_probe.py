"""A loopback address is the real host, unless it is our own sandbox that answers there."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.app import App, open_app
from aircall_mcp.cli import group
from aircall_mcp.errors import NotAllowed
from aircall_mcp.ground import probe
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.safety.judge import UNASKED
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sandboxes import Sandboxes

from ..foreign import ForeignServer, announced, foreign_server
from ..harness import sandbox_with
from ..processes import small_aircall, spoken, started
from ..served import served
from ..upstream import bound, gateway, upstream
from ..waiting import PATIENCE

pytestmark = pytest.mark.anyio

KEY = {"AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "sandbox-api-token"}
TAG = {"tag_id": 1}
OLD = probe.Proof("http://127.0.0.1:1", b"an old key")


def app_at(url: str) -> App:
    return open_app(settings_from({"base_url": url}), KEY)


def a_tag(sandbox: Sandbox) -> dict[str, Any]:
    return {"tag_id": next(iter(sandbox.world.tags))}


def echo(_method: str, path: str) -> Any:
    """The nonce, as it came."""
    return {"sandbox": path.rpartition("/")[2]}


def remembering(_method: str, _path: str) -> Any:
    """What the sandbox once said to another question."""
    return OLD.answer("another nonce")


LIES: dict[str, Callable[[str, str], Any]] = {
    "pong": lambda _method, _path: {"ping": "pong"},
    "an echo": echo,
    "an old answer": remembering,
    "true": lambda _method, _path: {"sandbox": True},
    "text": lambda _method, _path: "sandbox",
    "half a pair": lambda _method, _path: {"sandbox": "\ud800"},
    "nothing": lambda _method, _path: None,
}


@pytest.mark.parametrize("says", LIES.values(), ids=LIES)
async def test_whoever_else_listens_is_taken_for_the_real_host(
    says: Callable[[str, str], Any], home: Path
) -> None:
    """Also where a sandbox once listened, and was killed."""
    with foreign_server(says) as there, Sandboxes(home).announced(there.url):
        app = app_at(there.url)
        for tool, arguments in (
            ("aircall_delete_tag", TAG),
            ("aircall_start_outbound_call", {"user_id": 1, "number_id": 2, "to": "+33199001234"}),
            ("aircall_create_webhook", {"url": "https://events.example.com/in"}),
            ("aircall_update_user_v2", {"user_id": 1, "role_ids": ["owner"]}),
        ):
            result = await app.desk.call(tool, arguments, Caller())
            error = result.payload["error"]
            assert error["kind"] == "needs_confirmation"
            assert f"{there.url} is taken for the real host" in error["message"]
        assert there.unasked == []
        read = await app.desk.call("aircall_get_company", {}, Caller())
        assert "sandbox" not in read.payload
        assert len(there.unasked) == 1
        await app.aclose()


async def test_the_question_is_a_new_one_each_time_and_bears_no_credential(home: Path) -> None:
    with foreign_server() as there, Sandboxes(home).announced(there.url):
        app = app_at(there.url)
        for _ in range(3):
            await app.desk.call("aircall_delete_tag", TAG, Caller())
        asked = [path for _, path, _ in there.all if path.startswith(probe.PATH)]
        assert len(set(asked)) == len(asked) >= 3
        assert all(len(path.removeprefix(probe.PATH)) == 32 for path in asked)
        for headers in there.probes:
            assert "authorization" not in headers
            assert "cookie" not in headers
        await app.aclose()


async def test_our_own_sandbox_on_a_port_needs_nobodys_yes_and_says_what_it_is() -> None:
    sandbox = sandbox_with()
    with announced(sandbox) as url:
        app = app_at(url)
        result = await app.desk.call("aircall_delete_tag", a_tag(sandbox), Caller())
        assert not result.is_error, result.payload
        assert result.payload["sandbox"] is True
        assert [arrival.operation for arrival in sandbox.arrivals] == ["delete_tag"]
        await app.aclose()


async def test_what_listens_may_change_and_nothing_is_remembered_of_who_it_was(home: Path) -> None:
    """A proxy takes the port of the sandbox, and the other way round: also over a connection that
    was opened before."""
    sandbox, there = sandbox_with(), ForeignServer()
    with ExitStack() as first:
        url = first.enter_context(announced(sandbox))
        port = int(url.rpartition(":")[2])
        app = app_at(url)
        tags = iter(sandbox.world.tags.copy())
        done = await app.desk.call("aircall_delete_tag", {"tag_id": next(tags)}, Caller())
        assert not done.is_error
        await app.desk.call("aircall_get_company", {}, Caller())
        first.close()
        with served(there, port):
            refused = await app.desk.call("aircall_delete_tag", {"tag_id": next(tags)}, Caller())
            assert refused.payload["error"]["kind"] == "needs_confirmation"
            assert there.unasked == []
            await app.desk.call("aircall_list_teams", {}, Caller())  # a connection to keep
        with served(sandbox, port), Sandboxes(home).announced(url) as sandbox.proof:
            again = await app.desk.call("aircall_delete_tag", {"tag_id": next(tags)}, Caller())
            assert not again.is_error
        await app.aclose()


class Changing:
    """The sandbox, until it has been asked so often whether it is one."""

    def __init__(self, sandbox: Sandbox, there: ForeignServer, after: int) -> None:
        self.sandbox, self.there, self.left = sandbox, there, after

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asks = scope["path"].startswith(probe.PATH)
        app = self.sandbox if self.left > 0 else self.there
        self.left -= asks
        await app(scope, receive, send)


@pytest.mark.parametrize("after", [0, 1])
async def test_it_is_asked_right_before_the_effect_is_sent(after: int, home: Path) -> None:
    """That it was the sandbox when the call came in is not enough: a wait may lie between."""
    sandbox, there = sandbox_with(), ForeignServer()
    changing = Changing(sandbox, there, after)
    with served(changing) as url, Sandboxes(home).announced(url) as sandbox.proof:
        app = app_at(url)
        result = await app.desk.call("aircall_delete_tag", a_tag(sandbox), Caller())
        kind = "not_allowed" if after else "needs_confirmation"
        assert result.payload["error"]["kind"] == kind
        assert there.unasked == []
        assert not sandbox.arrivals
        await app.aclose()


async def test_a_faulty_sandbox_is_a_sandbox_and_a_proxy_before_it_is_not(home: Path) -> None:
    """Nothing it does to its callers, such as faults and waiting, is done to this question."""
    here = Sandboxes(home)
    async with upstream(faults={"http-500": 1.0}) as there:
        with here.announced(f"http://127.0.0.1:{there.port}") as there.sandbox.proof:
            ours = gateway(there.sandbox.proof.address, allowed=UNASKED, proof_at=here.proof_at)
            assert await ours.at_sandbox()
            before = gateway(there.proxy.base_url, allowed=UNASKED, proof_at=here.proof_at)
            assert not await before.at_sandbox()
            await ours.aclose()
            await before.aclose()
        assert there.arrivals() == 0


class Routing:
    """What a proxy does that leads Aircall's paths to Aircall, and all others to a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.aircall = sandbox, ForeignServer()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self.aircall if scope["path"].startswith(("/v1/", "/v2/")) else self.sandbox
        await app(scope, receive, send)


@pytest.mark.parametrize("stale", [False, True], ids=["", "on the port of one that was killed"])
async def test_a_proxy_that_routes_by_path_is_the_real_host(home: Path, stale: bool) -> None:
    sandbox, here = sandbox_with(), Sandboxes(home)
    routing = Routing(sandbox)
    with ExitStack() as stack:
        url = stack.enter_context(served(routing))
        if stale:
            stack.enter_context(here.announced(url))
        stack.enter_context(announced(sandbox))
        app = app_at(url)
        for tool, arguments in (
            ("aircall_start_outbound_call", {"user_id": 1, "number_id": 2, "to": "+33199001234"}),
            ("aircall_delete_tag", a_tag(sandbox)),
        ):
            result = await app.desk.call(tool, arguments, Caller())
            assert result.payload["error"]["kind"] == "needs_confirmation"
        assert routing.aircall.unasked == []
        assert not await app.desk.at_sandbox()
        await app.aclose()


@pytest.mark.parametrize("host", ["localhost", "[::1]"])
async def test_another_name_of_this_machine_may_be_somebody_else(host: str) -> None:
    with announced(sandbox_with()) as url:
        app = app_at(url.replace("127.0.0.1", host))
        assert not await app.desk.at_sandbox()
        await app.aclose()


async def test_beyond_a_proxy_this_address_is_another_machines(home: Path) -> None:
    with announced(sandbox_with()) as url, foreign_server() as there:
        ours = gateway(url, proxy=there.url, allowed=UNASKED, proof_at=Sandboxes(home).proof_at)
        with pytest.raises(NotAllowed):
            await ours.send(bound("delete_tag", tag_id=1), Caller())
        assert there.all == []
        await ours.aclose()


def test_a_file_counts_for_its_own_address_and_only_where_the_owner_alone_can_read_it(
    home: Path,
) -> None:
    here, address = Sandboxes(home), "http://127.0.0.1:9999"
    with here.announced(address) as proof:
        file = home / "sandbox" / "9999.json"
        assert here.proof_at(address) == proof
        assert proof.key.hex() not in repr(proof)
        assert file.stat().st_mode & 0o777 == 0o600
        (home / "sandbox" / "9998.json").write_bytes(file.read_bytes())
        (home / "sandbox" / "9998.json").chmod(0o600)
        assert here.proof_at("http://127.0.0.1:9998") is None
        for odd in (address + "/", "http://127.0.0.1:09999", "http://127.0.0.1:../9999", ""):
            assert here.proof_at(odd) is None
        file.chmod(0o640)
        assert here.proof_at(address) is None
        file.chmod(0o600)
        for broken in (b"", b"[]", b"{}", json.dumps({"address": address, "key": "00"}).encode()):
            file.write_bytes(broken)
            assert here.proof_at(address) is None


def test_whoever_ends_takes_away_no_file_of_a_later_one(home: Path) -> None:
    here, address = Sandboxes(home), "http://127.0.0.1:9999"
    with ExitStack() as stack:
        with here.announced(address):
            later = stack.enter_context(here.announced(address))
        assert here.proof_at(address) == later
    assert here.proof_at(address) is None
    assert list((home / "sandbox").iterdir()) == []


async def test_nobody_there_is_no_sandbox() -> None:
    with foreign_server() as there:
        pass
    ours = gateway(there.url, allowed=UNASKED)
    assert not await ours.at_sandbox()
    with pytest.raises(NotAllowed):
        await ours.send(bound("delete_tag", tag_id=1), Caller())
    await ours.aclose()


@pytest.mark.parametrize("url", ["https://127.0.0.1:9", "https://api.aircall.io"])
async def test_what_speaks_tls_is_not_even_asked(url: str) -> None:
    ours = gateway(url, allowed=UNASKED)
    assert not await ours.at_sandbox()
    await ours.aclose()


# The sandbox as a process of its own, and what is said of it.


@pytest.mark.slow
async def test_the_sandbox_of_the_command_line_is_known_while_it_runs(home: Path) -> None:
    async with started("sandbox", pipe=False) as process:
        assert process.stdout
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
        assert Sandboxes(home).proof_at(line["base_url"])
        process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)
        assert Sandboxes(home).proof_at(line["base_url"]) is None


@pytest.mark.slow
async def test_a_sandbox_whose_home_cannot_be_used_serves_and_says_so() -> None:
    async with started("sandbox", pipe=False, AIRCALL_MCP_HOME=os.devnull) as process:
        assert process.stdout
        assert process.stderr
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        said = await asyncio.wait_for(process.stderr.readline(), PATIENCE)
        assert b"servers treat this as the real host" in said


@pytest.mark.slow
async def test_a_server_reaches_people_in_the_sandbox_of_the_command_line() -> None:
    async with small_aircall() as environment, spoken(**environment) as server:
        users = (await server.call("aircall_list_users_v2"))["data"]["users"]
        ana = next(user for user in users if user["name"].startswith("Ana"))
        numbers = (await server.call("aircall_list_user_numbers", user_id=ana["id"]))["data"]
        answer = await server.call(
            "aircall_start_outbound_call",
            user_id=ana["id"], number_id=numbers["numbers"][0]["id"], to="+33199001234",
        )  # fmt: skip
        assert answer["sandbox"] is True, answer


def found(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(group, ["doctor", "--json"])
    return {one["what"]: one["said"] for one in json.loads(result.stdout)["findings"]}


def test_doctor_calls_a_proxy_the_real_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with foreign_server() as there:
        said = found({**KEY, "AIRCALL_MCP_BASE_URL": there.url}, monkeypatch)
    assert said["aircall"] == f"{there.url}, which counts as the real host"
    assert said["allowed"].startswith("reads and harmless changes")
    assert "no phone rings" not in str(said)


def test_doctor_knows_the_sandbox_on_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with announced(sandbox_with()) as url:
        said = found({**KEY, "AIRCALL_MCP_BASE_URL": url}, monkeypatch)
    assert "no phone rings" in said["aircall"]
    assert url in said["aircall"]
    assert said["allowed"] == "everything, since this is a sandbox"
