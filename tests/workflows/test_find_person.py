"""Who is meant among users and contacts: asked back where several fit, honest while it reads."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.workflows.cards import MIGRATIONS, Cards, Reading
from aircall_mcp.workflows.contacts import Contacts
from aircall_mcp.workflows.destination import e164_of
from aircall_mcp.workflows.meant import Named

from ..connections import lent
from ..harness import Clock, gateway_to
from ..mail import log_in, mailbox, told
from .advancing import AdvancingHarness, advancing_harness

pytestmark = pytest.mark.anyio


def cards_at(home: Path) -> Cards:
    return lent(Cards(Database(home / "contacts.db", MIGRATIONS, durability="state"), mailbox))


def written(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.glob("contacts.db*"))


def alone(workflows: AdvancingHarness) -> Any:
    """A contact of whose name there is only one."""
    named = [f"{one.first_name} {one.last_name}" for one in workflows.world.contacts.values()]
    return next(one for one, name in zip(workflows.world.contacts.values(), named, strict=True)
                if named.count(name) == 1 and one.phones)  # fmt: skip


async def found(workflows: AdvancingHarness, query: str, **more: str) -> Any:
    return (await workflows.call("find_person", query=query, **more))["data"]


async def test_users_and_contacts_are_found_by_all_that_names_them(
    workflows: AdvancingHarness,
) -> None:
    one = alone(workflows)
    for query in (f"{one.first_name} {one.last_name}", one.phones[0].value, str(one.id)):
        told_ = await found(workflows, query)
        assert told_["outcome"] == "one", query
        assert (told_["people"][0]["kind"], told_["people"][0]["id"]) == ("contact", one.id)
    ana = workflows.user("Ana")
    for query in ("ana duarte", "ANA.DUARTE@example.com", str(ana.id)):
        told_ = await found(workflows, query)
        assert [one["id"] for one in told_["people"]] == [ana.id]
    assert (await found(workflows, "ana duarte", kind="contact"))["outcome"] != "one"


@pytest.mark.parametrize(
    "query", ["x" + " " * 1_500 + "y", "1" * 20_000 + "x", "x" * 30_000], ids=["gap", "digits", "x"]
)
async def test_what_is_far_too_long_for_a_person_holds_up_nobody(
    workflows: AdvancingHarness, query: str
) -> None:
    await found(workflows, "nobody")
    began = time.process_time()
    await found(workflows, query)
    with pytest.raises(ArgumentError, match="not a phone number"):
        e164_of(query, "FR")
    assert time.process_time() - began < 1


async def test_several_are_asked_back_and_none_names_the_nearest(
    workflows: AdvancingHarness,
) -> None:
    one = alone(workflows)
    namesakes = {c.id for c in workflows.world.contacts.values() if c.last_name == one.last_name}
    told_ = await workflows.call("find_person", query=one.last_name)
    assert told_["data"]["outcome"] == ("several" if len(namesakes) > 1 else "one")
    assert len(told_["data"]["people"]) + told_["data"].get("more", 0) >= len(namesakes)
    assert any("ask your user which" in note for note in told_["notes"])
    told_ = await workflows.call("find_person", query="Zzyzx Qwfpg")
    assert told_["data"]["outcome"] == "none"
    assert told_["page"]["complete"]


async def test_what_was_renamed_added_or_deleted_is_known_at_the_next_question(
    workflows: AdvancingHarness,
) -> None:
    one = alone(workflows)
    await found(workflows, one.last_name)
    workflows.clock.pass_by(60)
    await workflows.call("update_contact", contact_id=one.id, last_name="Zimmermannova")
    told_ = await found(workflows, "zimmermannova")
    assert [person["id"] for person in told_["people"]] == [one.id]
    del workflows.world.contacts[one.id]
    told_ = await found(workflows, "zimmermannova")
    assert told_["outcome"] == "none"


async def test_a_webhook_tells_of_what_was_deleted(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> None:
    gateway, log = gateway_to(sandbox, operations=registry.ids), log_in(tmp_path, clock)
    contacts = Contacts(gateway, registry.ids, events=lambda: log, clock=clock.handed())
    before = await contacts.standing(Caller(), 30)
    gone = next(iter(before.names))
    log.append([told("contact.deleted", gone.id, at=clock.now)])
    after = await contacts.standing(Caller(), 30)
    assert gone.id not in [one.id for one in after.names]
    await contacts.aclose()
    await gateway.aclose()


async def test_names_lie_sealed_and_are_read_once(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> None:
    gateway = gateway_to(sandbox, operations=registry.ids)

    async def asked() -> tuple[int, int]:
        contacts = Contacts(
            gateway, registry.ids, cards=lambda: cards_at(tmp_path), clock=clock.handed()
        )
        before = len(sandbox.arrivals)
        standing = await contacts.standing(Caller(account="tests"), 30)
        await contacts.aclose()
        assert standing.whole
        return len(standing.names), len(sandbox.arrivals) - before

    many, requests = await asked()
    assert many == len(sandbox.world.contacts)
    assert requests >= many / 50
    assert await asked() == (many, 1)  # what changed lately
    kept = written(tmp_path)
    contact = next(iter(sandbox.world.contacts.values()))
    for clear in (contact.last_name, contact.phones[0].value, contact.company_name):
        assert clear
        assert clear.encode() not in kept
    assert cards_at(tmp_path).counted() == {"tests": many}
    assert cards_at(tmp_path).erase("tests") == many
    assert cards_at(tmp_path).counted() == {}
    await gateway.aclose()


async def test_a_card_opens_as_its_own_contact_alone(tmp_path: Path) -> None:
    cards, reading = cards_at(tmp_path), Reading(whole=True, began=1.0)
    await cards.keep("main", reading, [Named(1, "Ana", "contact"), Named(2, "Bo", "contact")])
    assert (await cards.load("main"))[1][0].name == "Ana"
    store = Database(tmp_path / "contacts.db", MIGRATIONS, durability="state")
    store.write(lambda tx: tx.run("UPDATE card SET id = 3 WHERE id = 1"))
    store.close()
    assert await cards.load("main") == (Reading(), [])


async def test_while_contacts_are_read_a_name_is_no_sure_one(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> None:
    """The second page waits, and the first is kept for whoever goes on."""
    gateway, held = gateway_to(sandbox, operations=registry.ids), asyncio.Event()
    second = asyncio.Event()
    pages: list[Any] = []

    class Slow:
        async def send(self, bound: Any, caller: Caller) -> Any:
            if bound.operation.id == "list_contacts":
                pages.append(bound.arguments)
                if len(pages) == 2:
                    second.set()
                    await held.wait()
            return await gateway.send(bound, caller)

    contacts = Contacts(
        Slow(), registry.ids, cards=lambda: cards_at(tmp_path), clock=clock.handed()
    )
    async with advancing_harness(
        registry, sandbox, clock, tmp_path, contacts=contacts, gateway=gateway
    ) as workflows:
        standing = await contacts.standing(Caller(account="tests"), 0.0)
        await second.wait()
        standing = await contacts.standing(Caller(account="tests"), 0.0)
        assert (standing.whole, standing.read) == (False, 50)
        assert standing.coverage["contacts_total"] == len(workflows.world.contacts)
    other = gateway_to(sandbox, operations=registry.ids)
    again = Contacts(other, registry.ids, cards=lambda: cards_at(tmp_path), clock=clock.handed())
    standing = await again.standing(Caller(account="tests"), 30)
    assert standing.whole
    assert standing.read == len(sandbox.world.contacts)
    await again.aclose()
    await other.aclose()
