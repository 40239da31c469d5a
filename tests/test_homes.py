"""What users have goes on working: a home of the first release opens and answers as it did."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.accounts import Accounts, ApiKey, Grant
from aircall_mcp.cli import group
from aircall_mcp.errors import Duplicate, OutcomeUnknown, StoreError
from aircall_mcp.gateway.journal import MIGRATIONS as JOURNAL
from aircall_mcp.gateway.journal import Journal, canonical, fingerprint
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import Secret, inside
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.state import durable

from .harness import FIRST_HOME, THURSDAY, answering, gateway_to
from .upstream import bound
from .vaults import vault_at

DATABASES = ("vault.db", "journal.db", "events.db", "forwarding.db")
PERSON = "+33199001234"


def asked(*words: str, code: int = 0) -> Any:
    """What a person reads who types `words`."""
    result = CliRunner().invoke(group, [*words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def plain(secret: Secret | None) -> str:
    assert secret is not None
    return inside(secret, lambda raw: raw.decode())


def test_its_settings_are_taken(old: Path) -> None:
    settings = settings_from()
    assert settings.home == old
    assert (settings.account, settings.time_zone) == ("acme", "Europe/Paris")
    assert settings.allow == ("reach",)
    assert settings.requests_per_minute == 90
    assert settings.exclude_tools == ("aircall_delete_tag",)
    assert settings.public_url == "https://events.example.com"


def test_its_accounts_are_there_with_their_secrets(old: Path) -> None:
    accounts = Accounts(vault_at(old, {}))
    assert accounts.names() == ("acme", "globex", "old")
    assert accounts.default() == "acme"
    acme, globex, third = (accounts.load(name).account for name in ("acme", "globex", "old"))
    assert isinstance(acme.credential, ApiKey)
    assert plain(acme.credential.api_id) == "home-acme-api-id"
    assert plain(acme.credential.api_token) == "home-acme-api-token"
    assert (acme.requests_per_minute, acme.time_zone) == (120, "Europe/Paris")
    assert (acme.default_user, acme.default_number) == (7, 3)
    grant = globex.credential
    assert isinstance(grant, Grant)
    assert plain(grant.access_token) == "home-globex-access-token"
    assert plain(grant.refresh_token) == "home-globex-refresh-token"
    assert plain(grant.client_id) == "home-client-id"
    assert plain(grant.client_secret) == "home-client-secret"
    assert (grant.issued_at, grant.expires_at) == (THURSDAY, THURSDAY + 3600)
    assert globex.state == "ready"
    assert isinstance(third.credential, Grant)
    assert plain(third.credential.access_token) == "home-old-access-token"
    assert third.credential.expires_at is None


def test_its_vault_is_sound_and_can_be_written(old: Path) -> None:
    assert asked("vault", "check") == {"sound": True, "findings": []}
    accounts = Accounts(vault_at(old, {}))
    accounts.make_default("globex")
    accounts.remove("old")
    again = Accounts(vault_at(old, {}))
    assert (again.names(), again.default()) == (("acme", "globex"), "globex")
    assert asked("vault", "check")["sound"]


def test_the_tokens_of_its_webhooks_are_there(old: Path) -> None:
    vault = vault_at(old, {})
    for name in ("front", "side"):
        record = vault.read(f"webhook {name}", "webhook")
        assert record is not None
        assert plain(record.value["token"]) == f"home-webhook-token{name}"
        assert record.value["id"] == f"uuid-{name}"


@pytest.mark.parametrize(
    ("filters", "sequences"),
    [
        ((), [4, 3, 2, 1]),
        (("--kinds", "call.created"), [3, 1]),
        (("--number", PERSON), [4, 2, 1]),
        (("--call", "812"), [1]),
        (("--user", "7"), [1]),
    ],
)
def test_its_events_are_found(old: Path, filters: tuple[str, ...], sequences: list[int]) -> None:
    (old / "config.toml").unlink()  # which pins the account, and so hides the other's events
    events = asked("events", "list", *filters)["events"]
    assert [event["sequence"] for event in events] == sequences
    assert all(event.get("trusted", True) for event in events)


def test_its_events_are_opened(old: Path) -> None:
    events = {event["sequence"]: event for event in asked("events", "list")["events"]}
    assert events[2]["data"]["body"] == "Is Thursday fine?"
    assert events[1]["data"]["user"] == {"id": 7, "name": "Ana Duarte"}
    assert (events[1]["built"], events[1]["received"]) == (THURSDAY, THURSDAY + 60)
    assert events[3]["webhook"] == "side"


def test_a_person_is_erased_from_it(old: Path) -> None:
    assert asked("events", "erase", "--number", PERSON, "--yes") == {"erased": 3}
    assert [event["sequence"] for event in asked("events", "list")["events"]] == [3]


def test_its_rules_and_destinations_are_there(old: Path) -> None:
    found = asked("forward", "status", code=1)
    rules = [(rule["kinds"], rule["destination"], rule["maker"]) for rule in found["rules"]]
    assert rules == [
        (["message.*"], "slack:support", "owner"),
        (["call.*"], "https:crm", "model"),
    ]
    assert [rule["failed"] for rule in found["rules"]] == [1, 0]
    (lost,) = found["undelivered"]
    assert (lost["sequence"], lost["kind"], lost["fault"]) == (4, "message.received", "HTTP 410")
    assert [one["name"] for one in asked("forward", "list")["destinations"]] == [
        "https:crm",
        "slack:support",
    ]
    assert asked("forward", "status", "--retry")["put_back"] == 1


@pytest.mark.anyio
async def test_its_journal_still_guards(old: Path) -> None:
    journal = Journal(
        lambda: durable(old / "journal.db", JOURNAL),
        boot=lambda: "boot-of-the-release",
        clock=Clock(lambda: 1010.0, lambda: THURSDAY + 10),
    )
    body = canonical({"number_id": 2, "to": PERSON})
    found: list[tuple[str, bool]] = []
    for user in (1, 2, 3):
        mark = fingerprint("company", "POST", f"/v1/users/{user}/calls", [], body)
        intent, new = await journal.begin(
            "start_outbound_call", "company", mark, guarded=True, patience=30.0
        )
        found.append((intent.outcome, new))
    journal.close()
    assert found == [("done", False), ("unknown", False), ("pending", True)]


@pytest.mark.anyio
async def test_and_so_for_whoever_asks_the_gateway_again_after_an_upgrade(old: Path) -> None:
    """The first release knew requests and no wishes: the same request is still the same to it. What
    is written from now on is known in every spelling, beside the old rows."""
    journal = Journal(
        lambda: durable(old / "journal.db", JOURNAL),
        boot=lambda: "boot-of-the-release",
        clock=Clock(lambda: 1010.0, lambda: THURSDAY + 10),
    )
    app, asked = answering(204)

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 60

    gateway = gateway_to(app, journal=journal, company=company)

    async def dial(user: int, to: str = PERSON) -> None:
        dialled = bound("start_outbound_call", user_id=user, number_id=2, to=to)
        await gateway.send(dialled, Caller())

    with pytest.raises(Duplicate):
        await dial(1)
    with pytest.raises(OutcomeUnknown):
        await dial(2)
    assert not asked
    await dial(3)
    with pytest.raises(Duplicate):
        await dial(4, "+33 (0)1 99 00 12 34")
    assert len(asked) == 1
    await gateway.aclose()


@pytest.mark.anyio
async def test_times_are_as_exact_in_an_old_file_as_in_a_new_one(old: Path) -> None:
    """REAL and DOUBLE PRECISION are one thing to SQLite, so that old files need no migration."""
    exact = THURSDAY + 1 / 3
    for path in (old / "journal.db", old / "new.db"):
        journal = Journal(lambda path=path: durable(path, JOURNAL), clock=Clock(wall=lambda: exact))
        await journal.begin("start_outbound_call", "company", "mark", guarded=False, patience=0.1)
        journal.close()
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                "SELECT wall, patience, typeof(wall), typeof(opened), typeof(patience)"
                " FROM intent WHERE fingerprint = 'mark'"
            ).fetchall()
            declared = dict(database.execute("SELECT name, type FROM pragma_table_info('intent')"))
        assert rows == [(exact, 0.1, "real", "real", "real")]
        assert declared["wall"] == ("REAL" if path.name == "journal.db" else "DOUBLE PRECISION")


def steps_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT MAX(number) FROM migration").fetchone()[0]


def one_statement_fails(path: Path) -> Database:
    """A migration that has done much when it comes to a statement that cannot be."""
    step = (
        "CREATE TABLE filled AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 400) SELECT i, hex(zeroblob(4000)) AS text FROM n",
        "DELETE FROM migration",
        "ALTER TABLE nothing ADD COLUMN colour TEXT",
    )
    return Database(path, [()] * steps_of(path) + [step], durability="vault")


def the_disk_is_full(path: Path) -> Database:
    """The same, and there is room for half of it."""
    step = (
        "CREATE TABLE filled AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 400) SELECT i, hex(zeroblob(4000)) AS text FROM n",
    )
    room = path.stat().st_size // 4096 + 200
    return Database(path, [()] * steps_of(path) + [step], durability="vault", largest=room)


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize(
    ("broken", "said"),
    [(one_statement_fails, "failed"), (the_disk_is_full, "No room")],
)
def test_a_migration_that_fails_leaves_the_file_byte_for_byte(
    old: Path, name: str, broken: Callable[[Path], Database], said: str
) -> None:
    path = old / name
    before = path.read_bytes()
    with closing(broken(path)) as database, pytest.raises(StoreError, match=said):
        database.read(lambda tx: tx.all("SELECT number FROM migration"))
    assert path.read_bytes() == before == (FIRST_HOME / name).read_bytes()
    assert {one.name for one in old.iterdir()} == {one.name for one in FIRST_HOME.iterdir()}


@pytest.mark.parametrize("name", DATABASES)
def test_what_made_these_migrations_fail_is_what_they_were_meant_to(old: Path, name: str) -> None:
    """With room and without the broken statement the same steps are taken."""
    path = old / name
    step = ("CREATE TABLE filled (text TEXT)",)
    with closing(Database(path, [()] * steps_of(path) + [step], durability="vault")) as database:
        assert database.read(lambda tx: tx.all("SELECT text FROM filled")) == []
    assert path.read_bytes() != (FIRST_HOME / name).read_bytes()
