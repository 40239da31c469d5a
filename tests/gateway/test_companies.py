"""Two keys of one company are known as such by what they read; others never are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import Duplicate, StoreError
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.companies import LASTING, MOST, marks_in
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.addresses import one_host
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.storage.state import InMemory, State, durable

from ..harness import Clock, answering, auth_for, gateway_to
from ..upstream import REGISTRY, bound
from .journaled import Counting

pytestmark = pytest.mark.anyio

LISTED = {"numbers": [{"id": 88012}, {"id": 88014}], "meta": {"total": 2}}
OTHERS = {"numbers": [{"id": 7}], "meta": {"total": 1}}
READ = bound("list_numbers", fresh=True)


def text(operation: str = "send_message", **more: Any) -> Any:
    told = {"number_id": 88012, "to": "+33612345678", "body": "We are late", **more}
    return bound(operation, **told)


def key_of(
    name: str, journal: Journal, *, shows: Any = LISTED
) -> tuple[Gateway, list[dict[str, Any]]]:
    """A gateway with the key `name`, to an Aircall that shows it `shows`."""
    app, asked = answering(200, shows)

    async def company(_account: str | None) -> tuple[str, int]:
        return name, 60

    return gateway_to(app, company=company, journal=journal), asked


def journal_in(home: Path, clock: Clock | None = None) -> Journal:
    handed = clock.handed() if clock else Handed()
    return Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS), clock=handed)


async def texts(*keys: tuple[Gateway, list[dict[str, Any]]]) -> int:
    """How many of them reached Aircall."""
    return sum(one["method"] == "POST" for _, asked in keys for one in asked)


@pytest.mark.parametrize("order", ["read, sent | read, sent", "sent, read | read, sent"])
async def test_two_keys_of_one_company_say_it_once(home: Path, order: str) -> None:
    """Each in a process of its own, over one file."""
    one, other = key_of("a", journal_in(home)), key_of("b", journal_in(home))
    first = [READ, text()] if order.startswith("read") else [text(), READ]
    for asking in first:
        await one[0].send(asking, Caller())
    await other[0].send(READ, Caller())
    with pytest.raises(Duplicate) as refused:
        await other[0].send(text("send_message_in_conversation"), Caller())
    assert "aircall_send_message)" in refused.value.message
    assert await texts(one, other) == 1
    await other[0].send(text(body="We are here"), Caller())
    assert await texts(one, other) == 2
    for gateway, _ in (one, other):
        await gateway.aclose()


async def test_whoever_is_of_another_company_or_not_known_is_not_kept_back(home: Path) -> None:
    one, other = key_of("a", journal_in(home)), key_of("b", journal_in(home), shows=OTHERS)
    unknown = key_of("c", journal_in(home))
    for gateway, _ in (one, other):
        await gateway.send(READ, Caller())
    for gateway, _ in (one, other, unknown):
        await gateway.send(text(), Caller())
    assert await texts(one, other, unknown) == 3
    for gateway, _ in (one, other, unknown):
        await gateway.aclose()


async def test_kin_is_kin_by_others_and_not_for_ever() -> None:
    clock = Clock()
    journal = Journal(lambda: InMemory(journals.MIGRATIONS), clock=clock.handed())

    async def begun(company: str, wish: str = "w") -> bool:
        exact = f"{company}-{wish}-{clock.now}"
        asked = {"wish": wish, "guarded": True, "patience": 1.0}
        return (await journal.begin("dial", company, exact, **asked))[1]  # type: ignore[arg-type]

    await journal.learn("a", frozenset("1"))
    await journal.learn("b", frozenset("12"))
    await journal.learn("c", frozenset("2"))
    assert await begun("a")
    assert not await begun("c")
    assert await begun("d")
    clock.pass_by(LASTING + 1)
    assert await begun("a")
    assert await begun("c")
    await journal.learn("a", frozenset("9"))
    await journal.learn("c", frozenset("9"))
    assert not await begun("c")
    journal.close()


async def test_a_read_commits_nothing_unless_it_may_matter(home: Path) -> None:
    counting: list[Counting] = []

    def opened() -> State:
        counting.append(Counting(durable(home / "journal.db", journals.MIGRATIONS)))
        return counting[0]

    gateway, asked = key_of("a", Journal(opened))
    await gateway.send(READ, Caller())
    assert not counting  # the file is not even opened
    await gateway.send(text(), Caller())
    assert counting[0].commits == 3
    await gateway.send(READ, Caller())
    assert counting[0].commits == 3
    assert len(asked) == 3
    await gateway.aclose()


async def test_what_cannot_be_noted_spoils_no_answer() -> None:
    class Full:
        async def write(self, _work: object) -> object:
            raise StoreError("No room.")

        def close(self) -> None:
            """Nothing is open."""

    gateway, _ = key_of("a", Journal(lambda: Full()))  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        await gateway.send(text(), Caller())
    assert (await gateway.send(READ, Caller())).body == LISTED
    await gateway.aclose()


def test_marks_are_hashes_of_ids_at_one_host() -> None:
    operation = REGISTRY.ids["list_numbers"]
    marks = marks_in(operation, "https://api.aircall.io/v1/numbers", LISTED)
    assert len(marks) == 2
    assert all(len(mark) == 64 for mark in marks)
    assert marks_in(operation, "https://API.aircall.io./v1/numbers", LISTED) == marks
    assert not marks & marks_in(operation, "https://api.example.com/v1/numbers", LISTED)
    calls = {"calls": [{"number": {"id": 88012}, "user": None}, {"number": None}, 7]}
    by_calls = marks_in(REGISTRY.ids["list_calls"], "https://api.aircall.io/v1/calls", calls)
    assert len(by_calls & marks) == 1
    strange: list[Any] = [None, [], {"numbers": None}, {"numbers": [{"id": "x"}, {"id": True}]}]
    for body in strange:
        assert not marks_in(operation, "https://api.aircall.io/v1/numbers", body)


async def test_a_company_of_very_many_users_is_known_by_its_numbers(home: Path) -> None:
    users = frozenset(f"user {number}" for number in range(MOST + 500))
    for between, seen in enumerate((frozenset(sorted(users)[:1_500]), users)):
        journal = journal_in(home)
        one, other = key_of(f"a{between}", journal), key_of(f"b{between}", journal_in(home))
        await journal.learn(f"a{between}", seen)
        for gateway, _ in (one, other):
            await gateway.send(READ, Caller())
        await one[0].send(text(body=f"{between}"), Caller())
        with pytest.raises(Duplicate):
            await other[0].send(text(body=f"{between}"), Caller())
        assert await texts(one, other) == 1
        for gateway, _ in (one, other):
            await gateway.aclose()


async def test_of_one_company_no_more_is_remembered_than_helps() -> None:
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    await journal.learn("a", frozenset(str(number) for number in range(3 * MOST)))
    known = journal._companies._known["a"]  # pyright: ignore[reportPrivateUsage]
    assert len(known) == MOST
    journal.close()


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "0:0:0:0:0:0:0:1",
     "::ffff:127.0.0.1", "0.0.0.0", "app.localhost"],
)  # fmt: skip
async def test_names_of_this_machine_are_one(host: str) -> None:
    assert one_host(host) == "127.0.0.1"
    there = auth_for(f"http://[{host.strip('[]')}]" if ":" in host else f"http://{host}", KEY)
    here = auth_for("http://127.0.0.1", KEY)
    assert await there.company(None) == await here.company(None)
    for auth in (there, here):
        await auth.aclose()


@pytest.mark.parametrize(
    ("host", "same"), [("API.aircall.io.", "api.aircall.io"), ("2001:DB8::0:1", "2001:db8::1")]
)
def test_other_hosts_have_one_spelling(host: str, same: str) -> None:
    assert one_host(host) == same != one_host("localhost.example.com")


KEY = ("an-id", "a-token")
