"""Event logs for tests: real files, a real mailbox, and things that Aircall could say."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from aircall_mcp.events.event import Arrival
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.receiver import Receiver, webhook_for
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Mailbox, Sealer

from .canaries import CANARIES
from .connections import lent
from .harness import THURSDAY, Clock

TOKEN = CANARIES["webhook token"]
WEBHOOK = "front-door"
PATH = f"/webhooks/aircall/{WEBHOOK}"
MAILBOX_KEY = base64.b64encode(bytes(range(32))).decode()


def mailbox() -> Mailbox:
    return Mailbox(Secret(MAILBOX_KEY))


def log_in(
    home: Path,
    clock: Clock | None = None,
    *,
    shut: bool = False,
    box: Mailbox | None = None,
) -> EventLog:
    """The event log of `home`, with one webhook; `shut` is one whose vault does not open."""
    box = box or mailbox()
    log = lent(
        EventLog(
            Database(home / "events.db", MIGRATIONS, durability="vault"),
            sealer=Sealer,
            mailbox=lambda: None if shut else box,
            clock=(clock or Clock()).handed(),
        )
    )
    log.install(box.public)
    log.webhooks.open(
        webhook_for(WEBHOOK, TOKEN.encode(), account="", aircall_id="uuid", kinds=(), now=THURSDAY,
                 url=f"https://events.example.com{PATH}")
    )  # fmt: skip
    return log


@asynccontextmanager
async def receiving(
    log: EventLog, clock: Handed | None = None, **choices: Any
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A receiver over `log`, and a client that posts to it."""
    receiver = Receiver(log, clock=clock or Clock().handed(), **choices)
    transport = httpx2.ASGITransport(app=receiver)
    async with (
        receiver,
        httpx2.AsyncClient(transport=transport, base_url="http://events") as client,
    ):
        yield client


def watched(log: EventLog) -> list[int]:
    """The sequences beyond which somebody waits for `log` to grow, as they come to wait."""
    waits, whole = list[int](), log.beyond

    async def beyond(sequence: int) -> int:
        waits.append(sequence)
        return await whole(sequence)

    vars(log)["beyond"] = beyond
    return waits


def told(
    kind: str, identity: object = 1, *, at: float = THURSDAY, webhook: str = WEBHOOK, **data: Any
) -> Arrival:
    return Arrival(webhook, kind, kind.partition(".")[0], at, {"id": identity, **data})


def call(
    kind: str, call_id: int, *, at: float = THURSDAY, digits: str = "+33 1 99 00 12 34"
) -> Arrival:
    """What is told of a call with somebody outside on the company's Paris line."""
    return told(
        f"call.{kind}", call_id, at=at, raw_digits=digits, user={"id": 7, "name": "Ana Duarte"},
        number={"id": 3, "name": "Paris Sales", "digits": "+33 1 99 00 10 01"},
        contact={"id": 11, "first_name": "Camille",
                 "phone_numbers": [{"id": 1, "label": "Work", "value": digits}]},
    )  # fmt: skip


def text(
    identity: str, body: str, *, at: float = THURSDAY, digits: str = "+33199001234"
) -> Arrival:
    return told(
        "message.received", identity, at=at, body=body, raw_digits=digits, direction="inbound",
        number={"id": 3, "name": "Paris Sales", "digits": "+33 1 99 00 10 01"}, contact=None,
    )  # fmt: skip


def envelope(one: Arrival, token: str = TOKEN) -> bytes:
    """As Aircall posts it."""
    return json.dumps(
        {"resource": one.resource, "event": one.kind, "timestamp": one.built, "token": token,
         "data": one.data}
    ).encode()  # fmt: skip
