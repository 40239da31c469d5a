from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from aircall_mcp.accounts import Memory
from aircall_mcp.app import open_app
from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.forwarding.destinations import resolved
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import MASK, Scrubber, Secret, inside
from aircall_mcp.vault.mailbox import mailbox_of

from ..forwarding import SLACK, Forwarding, opened
from ..mail import call
from ..vaults import vault_at

pytestmark = pytest.mark.anyio


def files(home: Path) -> list[tuple[str, bytes]]:
    found = [(file.name, file.read_bytes()) for file in home.iterdir()]
    assert {"events.db", "forwarding.db"} <= {name for name, _ in found}
    return found


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "::1",
     "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "0.0.0.0",
     "224.0.0.1", "ff02::1", "203.0.113.7", "64:ff9b::a00:1", "no address"],
)  # fmt: skip
async def test_addresses_that_are_not_public_are_not_reached(home: Path, address: str) -> None:
    async with opened(home, addresses=["8.8.8.8", address]) as forwarding:
        forwarding.passes_all_on()
        forwarding.log.append([call("ended", 1)])
        await forwarding.settle()
        assert forwarding.receiver.tried == 0
        assert "not public" in forwarding.rules.undelivered()[0].fault


async def test_a_private_address_is_reached_where_the_owner_allows_it(home: Path) -> None:
    async with opened(home, addresses=["10.0.0.1"]) as forwarding:
        forwarding.destination(private=True)
        forwarding.rules.add(["*"], "crm")
        forwarding.log.append([call("ended", 1)])
        await forwarding.settle()
        assert [request.url.host for request in forwarding.receiver.got] == ["10.0.0.1"]


async def test_a_redirect_is_not_followed(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status, forwarding.receiver.headers = (
        302,
        {"Location": "http://169.254.169.254/"},
    )
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert forwarding.receiver.tried == 1
    assert forwarding.rules.undelivered()[0].fault == "refused with 302"


@pytest.mark.parametrize(
    "url",
    ["http://crm.example.com/", "ftp://crm.example.com/", "https://", "https://a:b@crm.example.com/",
     "https://crm.example.com:99999/", "file:///etc/passwd", "javascript:alert(1)",
     "https://hooks..slack.com/x", "https://crm.example.com/a\x07b", "https://crm.example.com/a\nb",
     "https://m\u00fcnchen.example/", "https://[::1", " https://crm.example.com/"],
)  # fmt: skip
async def test_only_https_urls_become_destinations(forwarding: Forwarding, url: str) -> None:
    with pytest.raises(ArgumentError):
        forwarding.destination(url=url)
    assert forwarding.rules.destinations() == []


@pytest.mark.parametrize("name", ["crm", "mail:crm", "slack:", "slack:Über", "https:a b", ""])
async def test_only_plain_names_become_destinations(forwarding: Forwarding, name: str) -> None:
    with pytest.raises(ArgumentError):
        forwarding.destination(name)


async def test_an_unknown_destination_names_those_there_are_and_no_url(
    forwarding: Forwarding,
) -> None:
    forwarding.destination("slack:support", SLACK)
    with pytest.raises(ArgumentError) as refusal:
        forwarding.rules.add(["*"], "#suport")
    assert "slack:support" in refusal.value.hint
    assert "hooks" not in refusal.value.hint + refusal.value.message


async def test_the_address_lies_in_the_vault_alone(home: Path) -> None:
    async with opened(home) as forwarding:
        forwarding.destination("slack:support", SLACK)
        forwarding.rules.add(["*"], "support")
        forwarding.log.append([call("ended", 1)])
        forwarding.receiver.status = 500
        await forwarding.settle()
        held = forwarding.vault.read("to slack:support", "destination")
        assert held is not None
        assert inside(held.value["url"], bytes.decode) == SLACK
    assert not [name for name, content in files(home) if b"secret-path" in content]


@pytest.mark.parametrize("status", [200, 0])
async def test_the_address_and_the_key_are_masked_before_anything_is_sent_there(
    forwarding: Forwarding, status: int
) -> None:
    scrubber = Scrubber()
    sent: list[str] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(scrubber.text(f"<{SLACK}> <{key}>"))
        return await forwarding.receiver(request)

    key = forwarding.destination("https:crm", SLACK)
    forwarding.receiver.status = status
    forwarder = forwarding.another(answer, learn=scrubber.learn)
    forwarding.rules.add(["call.*"], "crm")
    forwarding.log.append([call("ended", 1)])
    assert await forwarder.step() == 2  # one that is new, and one that is due
    assert sent == [f"<{MASK}> <{MASK}>"]
    await forwarder.aclose()


async def test_an_app_masks_where_it_passes_events_on_to(home: Path) -> None:
    """The app's log, answers and errors know the address as soon as it is used."""
    url = "https://127.0.0.1:9/services/a-secret-path"
    variables = {"AIRCALL_MCP_HOME": str(home)}
    vault = vault_at(home, variables)
    vault.create("file")
    async with open_app(settings_from({}, variables), variables, vault=vault) as app:
        room = app.events
        box = mailbox_of(vault, make=True)
        assert box is not None
        room.log.install(box.public)
        room.log.webhooks.open(
            webhook_for("door", b"t", account="", aircall_id="u", url="", kinds=(), now=0)
        )
        room.rules.name_destination("https:crm", Secret(url), vault)
        room.rules.add(["call.*"], "crm")
        room.log.append([replace(call("ended", 1), webhook="door")])
        forwarder = room.forwarder()
        assert app.auth.scrub(url) == url
        assert await forwarder.step() == 2
        assert app.auth.scrub(f"<{url}>") == f"<{MASK}>"
        await forwarder.aclose()
    vault.close()


async def test_removing_a_destination_removes_its_rules_and_its_address(
    forwarding: Forwarding,
) -> None:
    forwarding.destination()
    rule = forwarding.rules.add(["*"], "crm")
    assert forwarding.rules.forget("https:crm", forwarding.vault)
    assert forwarding.rules.status() == []
    assert forwarding.vault.read("to https:crm", "destination") is None
    assert not forwarding.rules.remove(rule.id)


@pytest.mark.parametrize(
    ("host", "url"),
    [("hooks..slack.com", "https://hooks..slack.com/x"),
     ("odd.example.com", "https://odd.example.com/a\x07b"),
     ("odd.example.com", "https://odd.example.com:99999/")],
)  # fmt: skip
async def test_an_address_that_cannot_be_used_is_a_dead_letter_and_no_matter_to_others(
    forwarding: Forwarding, host: str, url: str
) -> None:
    forwarding.destination("https:odd", "https://odd.example.com/")
    forwarding.destination()
    sql = "UPDATE destination SET host = :host WHERE name = 'https:odd'"
    forwarding.store.write(lambda tx: tx.run(sql, host=host))
    key = Secret("key-of-an-older-version")
    forwarding.vault.write("to https:odd", "destination", {"url": Secret(url), "key": key})

    async def resolve(host: str, port: int) -> Sequence[str]:
        return await resolved(host, port) if ".." in host else ["8.8.8.8"]

    forwarding.forwarder = forwarding.another(resolve=resolve)
    forwarding.rules.add(["*"], "odd")
    forwarding.rules.add(["*"], "crm")
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1]
    [lost] = forwarding.rules.undelivered()
    assert (lost.destination, lost.fault) == ("https:odd", "its address cannot be used")


async def test_the_sandbox_knows_support_which_nobody_else_does(home: Path) -> None:
    """It is no destination of the owner's, and one of that name that the owner gives wins."""
    async with open_app(settings_from({"sandbox": True}), {}) as app:
        (support,) = app.events.rules.destinations()
        assert (support.name, support.host) == ("slack:support", "hooks.brightleaf.example")
        rule = app.events.rules.add_for_model(["message.received"], "#support", "")
        assert rule.destination == "slack:support"
        assert app.events.rules.destinations() == [support]
        url = Secret("https://hooks.slack.com/services/T0/B0/x")
        app.events.rules.name_destination("slack:support", url, Memory())
        (named,) = app.events.rules.destinations()
        assert named.host == "hooks.slack.com"
    async with open_app(settings_from(), {}) as app:
        assert app.events.rules.destinations() == []
        with pytest.raises(ArgumentError):
            app.events.rules.add_for_model(["message.received"], "#support", "")
