"""The link that asks for the sandbox anew, against a listener that counts."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from aircall_mcp.errors import NotAllowed
from aircall_mcp.gateway.connections import Connections
from aircall_mcp.gateway.probed import Probed, Prober
from aircall_mcp.ground.probe import Proof

from ..harness import App, answering
from .links import Tries, answered, request

pytestmark = pytest.mark.anyio

HERE = "http://127.0.0.1:8080"


def prober(app: App, proof: Proof | None, *, sandbox: bool = False) -> Prober:
    connections = Connections(transport=httpx2.ASGITransport(app), secure=False)
    return Prober(HERE, connections, lambda _: proof, sandbox=sandbox)


async def test_what_was_waived_is_sent_only_where_the_sandbox_proves_itself() -> None:
    proof = Proof(HERE, b"k" * 32)
    proves = True
    probes = 0

    async def app(scope: dict[str, str], _receive: object, send: object) -> None:
        nonlocal probes
        probes += 1
        nonce = scope["path"].rpartition("/")[2]
        answer = proof.answer(nonce if proves else "another")
        say, _ = answering(200, answer)
        await say({**scope, "headers": [], "raw_path": b""}, empty, send)

    waived = replace(request("ping"), waived=("reach",))
    then = Tries(answered(), answered())
    link = Probed(then, prober(app, proof))
    await link.send(waived)
    assert (probes, len(then.came)) == (1, 1)
    proves = False
    with pytest.raises(NotAllowed) as gone:
        await link.send(waived)
    assert f"{HERE} is taken for the real host" in gone.value.hint
    assert (probes, len(then.came)) == (2, 1)
    await link.send(request("ping"))  # what the owner allows needs no sandbox
    assert (probes, len(then.came)) == (2, 2)


async def empty() -> dict[str, object]:
    return {"type": "http.request"}


async def test_who_has_no_proof_asks_nobody_and_what_is_built_in_is_the_sandbox() -> None:
    app, asked = answering(200, {})
    unknown = prober(app, None)
    assert (await unknown.at_sandbox(), await unknown.listens()) == (False, False)
    built_in = prober(app, Proof(HERE, b"k" * 32), sandbox=True)
    assert (await built_in.at_sandbox(), await built_in.listens()) == (True, False)
    assert asked == []
