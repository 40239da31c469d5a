"""While the brake is pulled nothing is passed on, and nothing is lost of it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.app import open_app
from aircall_mcp.errors import NotAllowed
from aircall_mcp.events.tools import EventTools
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Registry
from aircall_mcp.safety import Brake
from aircall_mcp.vault.mailbox import mailbox_of

from ..forwarding import Forwarding
from ..harness import gateway_to, sandbox_with
from ..mail import call
from ..served import served

pytestmark = pytest.mark.anyio


async def test_what_comes_in_meanwhile_waits_in_the_queue_and_goes_out_after(
    forwarding: Forwarding, home: Path
) -> None:
    brake = Brake(home)
    forwarding.passes_all_on()
    forwarding.forwarder = forwarding.another(held=brake.holds)
    forwarding.log.append([call("created", 1)])
    await forwarding.settle()
    brake.pull()
    forwarding.log.append([call("ended", 1), call("created", 2)])
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1]
    [rule] = forwarding.rules.status()
    assert (rule.sent, rule.waiting, rule.failed) == (1, 2, 0)
    brake.release()
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1, 2, 3]
    [rule] = forwarding.rules.status()
    assert (rule.sent, rule.waiting, rule.failed) == (3, 0, 0)


async def test_a_long_stop_takes_nothing_of_the_time_in_which_they_are_tried(
    forwarding: Forwarding, home: Path
) -> None:
    """Three days later the destination is down for a moment: that is no reason to give up."""
    brake = Brake(home)
    forwarding.passes_all_on()
    forwarding.forwarder = forwarding.another(held=brake.holds)
    brake.pull()
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    forwarding.clock.pass_by(3 * 86_400)
    brake.release()
    forwarding.receiver.status = 503
    await forwarding.settle()
    assert (forwarding.receiver.tried, forwarding.rules.undelivered()) == (1, [])
    forwarding.receiver.status = 200
    forwarding.clock.pass_by(300)
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1]


async def test_what_was_about_to_go_when_the_brake_was_pulled_does_not(
    forwarding: Forwarding, home: Path
) -> None:
    """Finding the address takes its time, and so does everything else before the first byte."""
    brake = Brake(home)
    forwarding.passes_all_on()

    async def resolve(_host: str, _port: int) -> list[str]:
        brake.pull()
        return ["8.8.8.8"]

    forwarding.forwarder = forwarding.another(held=brake.holds, resolve=resolve)
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert forwarding.receiver.tried == 0
    [rule] = forwarding.rules.status()
    assert (rule.waiting, rule.failed, rule.fault) == (1, 0, "")


@pytest.fixture
def there() -> Generator[tuple[str, list[str]]]:
    """A destination on a real port, and the paths that arrived there."""
    arrived: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        arrived.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    with served(app) as url:
        yield url, arrived


@pytest.mark.parametrize("pulled", [False, True])
async def test_on_a_real_connection_it_is_asked_once_more_before_the_first_byte(
    forwarding: Forwarding, there: tuple[str, list[str]], pulled: bool
) -> None:
    url, arrived = there
    asked: list[bool] = []

    def held() -> bool:
        """Pulled while the connection comes about: at the third look, and from then on."""
        asked.append(pulled and len(asked) >= 2)
        return asked[-1]

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    forwarding.destination(url=f"{url}/in", private=True)
    forwarding.rules.add(["*"], "crm")
    async with httpx2.AsyncHTTPTransport() as network:
        there_too = network.handle_async_request
        forwarding.forwarder = forwarding.another(there_too, held=held, resolve=resolve)
        forwarding.log.append([call("ended", 1)])
        await forwarding.forwarder.step()
    assert arrived == ([] if pulled else ["/in"])
    [rule] = forwarding.rules.status()
    assert (rule.sent, rule.waiting) == ((0, 1) if pulled else (1, 0))


async def test_the_forwarder_of_an_app_knows_the_brake_of_its_home(
    home: Path, there: tuple[str, list[str]]
) -> None:
    """As `webhooks serve` and `serve` have it."""
    url, arrived = there
    app = open_app(settings_from(), {"AIRCALL_API_ID": "id", "AIRCALL_API_TOKEN": "token"})
    events = app.events
    events.vault.create("file")
    box = mailbox_of(events.vault, make=True)
    assert box
    events.log.install(box.public)
    events.rules.name_destination("https:crm", Secret(f"{url}/in"), events.vault, private=True)
    events.rules.add(["call.*"], "crm")
    events.log.append([call("ended", 1)])
    forwarder = events.forwarder()
    Brake(home).pull()
    await forwarder.step()
    assert arrived == []
    Brake(home).release()
    await forwarder.step()
    assert arrived == ["/in"]
    await forwarder.aclose()
    await app.aclose()


async def test_a_rule_that_took_its_time_is_not_made(
    forwarding: Forwarding, home: Path, registry: Registry
) -> None:
    """The brake is pulled behind the gate, while it is found out for which account it is."""
    brake = Brake(home)
    forwarding.destination()
    ours = gateway_to(sandbox_with(), brake=brake)

    async def resolve(name: str | None) -> str:
        brake.pull()
        return name or "acme"

    tools = EventTools(
        forwarding.log, ours, registry.ids, lambda: forwarding.rules, resolve=resolve
    )
    with pytest.raises(NotAllowed, match="emergency brake"):
        await tools.forward_events({"kinds": ["call.ended"], "to": "crm"}, Caller())
    assert forwarding.rules.status() == []
    brake.release()
    tools = EventTools(forwarding.log, ours, registry.ids, lambda: forwarding.rules)
    await tools.forward_events({"kinds": ["call.ended"], "to": "crm"}, Caller(account="acme"))
    assert len(forwarding.rules.status()) == 1
    await ours.aclose()
