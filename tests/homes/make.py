"""Makes a home as the first release left it. Run with the code of release 0.1.0, which has these
modules, and not with what is here: `PYTHONPATH=server python make.py tests/homes/0.1.0`.

It was run once; what it made lies beside it and is not made anew. Every secret in it is invented.
"""

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# ruff: noqa: I001 - sorted as where these modules are
from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from aircall_mcp import journal as journals
from aircall_mcp.accounts import Account, Accounts, ApiKey, Grant
from aircall_mcp.events import MIGRATIONS, EventLog, Query, Told
from aircall_mcp.forwarding import MIGRATIONS as RULES
from aircall_mcp.forwarding import Rules
from aircall_mcp.journal import Journal, canonical, fingerprint
from aircall_mcp.receiver import door_for
from aircall_mcp.secrets import Secret
from aircall_mcp.state import durable
from aircall_mcp.store import Store
from aircall_mcp.vault import vault_at
from aircall_mcp.vault.mailbox import Slot, mailbox_of

THURSDAY = 1_795_082_400.0
SETTINGS = """\
account = "acme"
time_zone = "Europe/Paris"
allow = ["reach"]
requests_per_minute = 90
exclude_tools = ["aircall_delete_tag"]
public_url = "https://events.example.com"
"""


def told(webhook: str, kind: str, identity: object, **data: Any) -> Told:
    return Told(webhook, kind, kind.partition(".")[0], THURSDAY, {"id": identity, **data})


def make(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(SETTINGS)
    vault = vault_at(home, {})
    vault.create("file")
    accounts = Accounts(vault)
    key = ApiKey(api_id=Secret("home-acme-api-id"), api_token=Secret("home-acme-api-token"))
    accounts.add(
        Account(
            name="acme",
            credential=key,
            requests_per_minute=120,
            time_zone="Europe/Paris",
            default_user=7,
            default_number=3,
        )
    )
    grant = Grant(
        access_token=Secret("home-globex-access-token"),
        refresh_token=Secret("home-globex-refresh-token"),
        issued_at=THURSDAY,
        expires_at=THURSDAY + 3600,
        client_id=Secret("home-client-id"),
        client_secret=Secret("home-client-secret"),
    )
    accounts.add(Account(name="globex", credential=grant))
    accounts.add(
        Account(name="old", credential=Grant(access_token=Secret("home-old-access-token")))
    )
    accounts.make_default("acme")
    events(home, vault)
    asyncio.run(effects(home))
    vault.close()


def events(home: Path, vault: Any) -> None:
    """Two webhooks, four events, two rules, and one event that could not be delivered."""
    box = mailbox_of(vault, make=True)
    store = Store(home / "events.db", MIGRATIONS, durability="vault")
    log = EventLog(store, slot=Slot, mailbox=lambda: box, clock=lambda: THURSDAY + 60)
    assert box is not None
    log.install(box.public)
    for name, account in (("front", "acme"), ("side", "globex")):
        token = f"home-webhook-token{name}"
        log.open_door(
            door_for(
                name,
                token.encode(),
                account=account,
                aircall_id=f"uuid-{name}",
                kinds=("call.created", "message.received"),
                now=THURSDAY,
                url=f"https://events.example.com/webhooks/aircall/{name}",
            )
        )
        vault.write(f"webhook {name}", "webhook", {"token": Secret(token), "id": f"uuid-{name}"})
    log.listening(THURSDAY)
    person, line = "+33199001234", {"id": 3, "name": "Paris Sales"}
    log.append(
        [
            told(
                "front",
                "call.created",
                812,
                raw_digits="+33 1 99 00 12 34",
                user={"id": 7, "name": "Ana Duarte"},
                number=line | {"digits": "+33 1 99 00 10 01"},
            ),
            told(
                "front",
                "message.received",
                "m-1",
                body="Is Thursday fine?",
                raw_digits=person,
                direction="inbound",
                number=line,
            ),
            told("side", "call.created", 813, raw_digits="+33 1 99 00 99 99"),
        ]
    )
    log.read(Query(number=person))  # enters the numbers into their index
    rules = Rules(
        Store(home / "forwarding.db", RULES, durability="vault"), log, clock=lambda: THURSDAY + 60
    )
    slack = "https://hooks.slack.example/services/home-slack-secret"
    rules.name_destination("slack:support", Secret(slack), vault)
    rules.name_destination(
        "https:crm", Secret("https://crm.example.com/in?key=home-crm-secret"), vault
    )
    rules.add(["message.*"], "slack:support")
    rules.add(["call.*"], "https:crm", maker="model")
    log.append(
        [
            told(
                "front",
                "message.received",
                "m-2",
                body="Hello?",
                raw_digits=person,
                direction="inbound",
            )
        ]
    )
    rules.gather()
    (gone,) = [rule for rule in rules.status() if rule.destination == "slack:support"]
    rules.put_off(gone.id, log.latest(), "HTTP 410", until=None)
    rules.close()
    log.close()


async def effects(home: Path) -> None:
    """A call that was made, one of which nobody knows, and one that was not made."""
    journal = Journal(
        lambda: durable(home / "journal.db", journals.MIGRATIONS),
        boot=lambda: "boot-of-the-release",
        clock=lambda: 1000.0,
        wall=lambda: THURSDAY,
    )
    body = canonical({"number_id": 2, "to": "+33199001234"})
    for outcome, user in (("done", 1), ("unknown", 2), ("failed", 3)):
        mark = fingerprint("company", "POST", f"/v1/users/{user}/calls", [], body)
        intent, new = await journal.begin(
            "start_outbound_call", "company", mark, guarded=True, patience=30.0
        )
        assert new
        await journal.mark(intent, "sent")
        await journal.mark(intent, outcome, 204 if outcome == "done" else 0)
    journal.close()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
