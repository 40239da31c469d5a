"""The key of MCP over HTTP: made once, read by nobody else, and asked of everybody."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aircall_mcp.cli import group
from aircall_mcp.cli.configs.known_clients import CLIENTS
from aircall_mcp.errors import StoreError
from aircall_mcp.ground.secrets import scrubber_for
from aircall_mcp.protocol.bearer import FILE, VARIABLE, Bearer, digest_in

from ..harness import Harness
from ..journeys.test_http import HELLO, JSON, client_of, key_here, modern, served
from ..waiting import aside

KEY = "k" * 43
URL = "http://127.0.0.1:8000/mcp"
MENDS = f"aircall-mcp config CLIENT --write --url {URL}"
DIGEST = sha256(KEY.encode()).digest()


def typed(*words: str) -> Result:
    return CliRunner().invoke(group, list(words), catch_exceptions=False)


def test_the_key_is_made_once_for_its_owner_alone(home: Path) -> None:
    with ThreadPoolExecutor(8) as first:
        made = list(first.map(digest_in, [home] * 16))
    assert len(set(made)) == 1
    assert sha256((home / FILE).read_bytes().strip()).digest() == made[0]
    assert len((home / FILE).read_text().strip()) >= 43
    if sys.platform != "win32":
        assert (home / FILE).stat().st_mode & 0o777 == 0o600
    digest_in(home.parent / "another")
    assert (home.parent / "another" / FILE).read_bytes() != (home / FILE).read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
@pytest.mark.parametrize("spoilt", ["wide", "empty", "link", "hard link"])
def test_a_key_that_others_know_or_nobody_is_refused_with_the_remedy(
    home: Path, spoilt: str
) -> None:
    digest_in(home)
    file = home / FILE
    match spoilt:
        case "wide":
            file.chmod(0o644)
        case "empty":
            file.write_bytes(b"\n")
        case "link":
            file.rename(home / "elsewhere")
            file.symlink_to(home / "elsewhere")
        case _:
            os.link(file, home / "second")
    with pytest.raises(StoreError) as refused:
        digest_in(home)
    assert refused.value.hint


WRONG: list[list[tuple[bytes, bytes]]] = [
    [],
    [(b"authorization", b"")],
    [(b"authorization", b"Bearer")],
    [(b"authorization", b"Bearer ")],
    [(b"authorization", KEY.encode())],
    [(b"authorization", b"Basic " + KEY.encode())],
    [(b"authorization", b"Bearer " + KEY.encode()[:-1])],
    [(b"authorization", b"Bearer " + KEY.encode() + b"k")],
    [(b"authorization", b"Bearer " + KEY.upper().encode())],
    [(b"authorization", b"Bearer x, Bearer " + KEY.encode())],
    [(b"authorization", b"Bearer x"), (b"authorization", b"Bearer " + KEY.encode())],
    [(b"authorization", b"Bearer " + KEY.encode())] * 2,
    [(b"authorization", b"Bearer " + DIGEST.hex().encode())],
    [(b"x-authorization", b"Bearer " + KEY.encode())],
    [(b"cookie", b"authorization=Bearer " + KEY.encode())],
]


@pytest.mark.anyio
@pytest.mark.parametrize("headers", WRONG)
async def test_whoever_has_it_not_is_heard_no_further(headers: list[tuple[bytes, bytes]]) -> None:
    sent: list[Any] = []

    async def nobody(*_: Any) -> Any:
        raise AssertionError("asked")

    async def hear(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/mcp", "headers": headers}
    await Bearer(nobody, DIGEST, URL, free=frozenset({"/healthz"}))(scope, nobody, hear)
    assert sent[0]["status"] == 401
    assert (b"www-authenticate", b'Bearer realm="aircall-mcp"') in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["error"]["message"].endswith(MENDS)


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_over_http_the_key_opens_and_nothing_else(harness: Harness, scheme: str) -> None:
    call = modern("tools/call", {"name": "aircall_list_tags", "arguments": {}})
    async with client_of(harness, DIGEST) as client:
        for path in ("/mcp", "/", "/mcp/", "/healthz/x", "//healthz"):
            assert (await client.post(path, json=HELLO, headers=JSON)).status_code == 401
        refused = await client.post("/mcp", **call)
        assert refused.status_code == 401
        assert refused.json()["error"]["message"].endswith(MENDS)
        assert harness.arrivals() == []
        assert (await client.get("/healthz")).status_code == 200
        client.headers["Authorization"] = f"{scheme} {KEY}"
        assert (await client.post("/mcp", **call)).status_code == 200
        assert len(harness.arrivals()) == 1


@pytest.mark.anyio
@pytest.mark.slow
async def test_doctor_names_an_open_door_and_only_that(home: Path) -> None:
    async def found() -> dict[str, str]:
        variables = {"AIRCALL_MCP_PORT": str(port), "AIRCALL_MCP_SANDBOX": "1"}
        told = await aside(CliRunner().invoke, group, ["doctor", "--json"], env=variables)
        (finding,) = [one for one in json.loads(told.stdout)["findings"] if one["what"] == "http"]
        return finding

    async with served("--sandbox") as (_, client):
        port = client.base_url.port
        assert (await found())["state"] == "good"
        assert str(home / FILE) in (await found())["said"]
        key = key_here()
        client.headers["Authorization"] = "Bearer " + "x" * len(key)
        assert (await client.post("/mcp", **modern("tools/list"))).status_code == 401
    async with served("--sandbox", "--no-token") as (_, client):
        port = client.base_url.port
        del client.headers["Authorization"]
        assert (await client.post("/mcp", **modern("tools/list"))).status_code == 200
        opened = await found()
        assert opened["state"] == "attention"
        assert "everybody on this machine" in opened["said"]
        assert "--no-token" in opened["next"]
    assert key_here() == key  # another start asks for the same one


@pytest.mark.parametrize("client", CLIENTS)
def test_config_names_the_variable_and_the_file_and_never_the_key(home: Path, client: str) -> None:
    digest_in(home)
    told = typed("config", client, "--url", URL)
    assert told.exit_code == 0
    assert key_here() not in told.output
    if CLIENTS[client].keyed is not None:
        assert VARIABLE in told.stdout
        assert URL in told.stdout
        assert "aircall_mcp" not in told.stdout  # nothing is started
        assert f"$(cat {home / FILE})" in told.stderr.replace("\n", "")
    elif client not in ("chatgpt", "claude-ai"):
        assert "serve" in told.stdout  # over stdio, which needs no key
        assert VARIABLE not in told.stdout
        assert "starts a server of its own" in told.stderr
    elsewhere = typed("config", client, "--url", "https://mcp.example.com/mcp")
    assert VARIABLE not in elsewhere.output  # it is ours alone that has the key


def test_the_variable_of_a_client_is_known_and_secret(home: Path) -> None:
    told = CliRunner().invoke(group, ["doctor", "--json"], env={VARIABLE: KEY})
    assert "is not a known variable" not in told.stdout
    assert KEY not in scrubber_for({VARIABLE: KEY}).text(f"Authorization: Bearer {KEY}")
