"""What is open by default and what needs a yes, over every way in, by what arrives upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mcp import Client

from aircall_mcp import spec
from aircall_mcp.accounts import Memory
from aircall_mcp.app import App, open_app
from aircall_mcp.cli import group
from aircall_mcp.desk import Question
from aircall_mcp.errors import NotAllowed
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.operation import EVERYTHING, Allowance, AtStake, Operation
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Offers, Registry, Selection
from aircall_mcp.offer.tools import description_of, tool_for
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.safety.judge import UNASKED
from aircall_mcp.safety.policy import Policy

from ..foreign import ForeignServer, foreign_server
from ..harness import OwnDesk, answering, asking_desk, gateway_to

pytestmark = pytest.mark.anyio

COMPILED = spec.load()
AIRCALLS = [operation for operation in COMPILED.operations if not operation.ours]
BY_ID = {operation.id: operation for operation in COMPILED.operations}
KEY = {"AIRCALL_API_ID": "an-id-of-ours", "AIRCALL_API_TOKEN": "a-token-of-ours"}

# By hand, so that a wrong word in an overlay is found: what a model must not do unasked.
EXPOSES = {
    "create_webhook", "update_webhook", "create_message_configuration", "create_analytics_export",
    "get_analytics_export", "forward_events", "resume_call_recording",
}  # fmt: skip
ADMINISTERS = {
    "enable_integration", "disable_integration", "create_user_v1", "create_user_v2", "delete_user",
    "add_user_to_team", "remove_user_from_team", "delete_team", "delete_webhook",
    "delete_message_configuration",
}  # fmt: skip
ARGUMENTS: dict[tuple[str, str], Any] = {
    ("update_number", "priority"): 1,
    ("update_number", "availability_status"): "closed",
    ("update_number", "time_zone"): "Pacific/Auckland",
    ("update_number", "messages"): {"welcome": "https://media.larkspur.example.com/welcome.mp3"},
    ("update_user_v2", "availability_status"): "unavailable",
    ("update_user_v2", "substatus"): "On a break",
    ("update_user_v2", "role_ids"): ["owner"],
    ("update_user_v2", "wrap_up_time"): 86_400,
    ("update_user_v2", "time_zone"): "Pacific/Auckland",
    ("update_user_v1", "availability_status"): "unavailable",
    ("update_user_v1", "substatus"): "On a break",
    ("update_user_v1", "role_ids"): ["owner"],
    ("update_user_v1", "wrap_up_time"): 86_400,
    ("list_calls", "fetch_short_urls"): True,
    ("search_calls", "fetch_short_urls"): True,
    ("get_call", "fetch_short_urls"): True,
}
OPEN = {
    "add_call_comment", "add_call_tags", "archive_call", "unarchive_call", "pause_call_recording",
    "create_campaign", "create_contact", "update_contact",
    "add_contact_phone_number", "update_contact_phone_number", "add_contact_email",
    "update_contact_email", "create_tag", "update_tag", "create_team", "update_number",
    "update_user_v1", "update_user_v2",
}  # fmt: skip
ADDITIVE = {
    "add_call_comment", "add_call_tags", "create_campaign", "create_contact",
    "add_contact_phone_number", "add_contact_email", "create_tag", "create_team",
    "add_user_to_team", "create_webhook", "create_analytics_export", "forward_events",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """An operation with arguments, and the words that the owner must have said."""

    operation: Operation
    arguments: dict[str, Any]
    words: tuple[Allowance, ...]
    name: str

    def __str__(self) -> str:
        return self.name


def word_of(argument: str) -> AtStake:
    return "exposes" if argument == "fetch_short_urls" else "administers"


def plain(operation: Operation) -> dict[str, Any]:
    """The example without the arguments that make stakes, but one at least beside the ids."""
    kept = {k: v for k, v in operation.example.items() if k not in operation.at_stake}
    if operation.id.startswith("update_user"):
        kept["first_name"] = "Ana"
    return kept


def all_asked() -> Iterator[Asked]:
    for operation in AIRCALLS:
        effect = () if operation.effect in UNASKED else (operation.effect,)
        stakes = () if operation.stakes == "none" else (operation.stakes,)
        yield Asked(operation, plain(operation), (*effect, *stakes), operation.id)
        for (name, argument), value in ARGUMENTS.items():
            if name == operation.id:
                given = {**plain(operation), argument: value}
                yield Asked(operation, given, (word_of(argument),), f"{name}.{argument}")


SHUT = [asked for asked in all_asked() if asked.words]
UNSHUT = [asked for asked in all_asked() if not asked.words]


def real_host(
    allowed: Iterable[Allowance] = (), surface: str = "full"
) -> tuple[OwnDesk, list[Any]]:
    """A desk before somebody who is Aircall to it, and what arrived there."""
    app, arrived = answering(200, {})
    renamed = {f"aircall_old_{operation.id}": operation.tool for operation in AIRCALLS}
    registry = Registry(COMPILED.operations, toolsets=COMPILED.toolsets, aliases=renamed)
    chosen = Offers(registry, Selection(include_deprecated=True, surface=surface))
    shut = {"sandbox": False}
    desk = asking_desk(chosen, app, Policy(), standing=frozenset(allowed), gateway=shut)
    return desk, arrived


def by_wire_names(asked: Asked) -> dict[str, Any]:
    wire = {parameter.name: parameter.wire for parameter in asked.operation.parameters}
    return {wire[name]: value for name, value in asked.arguments.items()}


def ways(asked: Asked) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(surface, tool, arguments) of every way a model can say it."""
    operation, given = asked.operation, asked.arguments
    in_wire = by_wire_names(asked)
    yield "full", operation.tool, given
    yield "full", f"aircall_old_{operation.id}", given
    yield "full", operation.tool, in_wire
    yield "full", operation.tool, {k: json.dumps(v) if isinstance(v, dict | list) else v
                                   for k, v in given.items()}  # fmt: skip
    names = (operation.tool, operation.id, operation.route, operation.route.replace("{", ":"),
             f"aircall_old_{operation.id}")  # fmt: skip
    for name in names:
        for arguments in (given, in_wire):
            yield "search", f"aircall_{operation.effect}", {
                "operation": name.replace("}", "") if ":" in name else name,
                "arguments": arguments,
            }  # fmt: skip


@pytest.mark.parametrize("asked", SHUT, ids=str)
async def test_what_needs_a_yes_does_not_arrive_without_it_whichever_way(asked: Asked) -> None:
    """Nor with all the other words."""
    for lacking in asked.words:
        others: frozenset[Allowance] = EVERYTHING - {lacking}
        for allowed in (frozenset[Allowance](), others):
            desks = {surface: real_host(allowed, surface) for surface in ("full", "search")}
            for surface, tool, arguments in ways(asked):
                desk, arrived = desks[surface]
                result = await desk.call(tool, arguments, Caller(interface="mcp", client="x"))
                assert isinstance(result, Question), (tool, arguments, result)
                assert arrived == []
                assert result.operation is asked.operation
                assert set(result.needs) - UNASKED == set(asked.words)
                assert asked.operation.tool in result.preview
            for desk, _ in desks.values():
                await desk.aclose()


@pytest.mark.parametrize("asked", SHUT, ids=str)
async def test_what_is_allowed_by_name_arrives(asked: Asked) -> None:
    for surface in ("full", "search"):
        ways_in = [way for way in ways(asked) if way[0] == surface]
        assert ways_in
        for _, tool, arguments in ways_in:  # each by itself, or the second were a repetition
            desk, arrived = real_host(asked.words, surface)
            await desk.call(tool, arguments, Caller())
            assert len(arrived) == 1, (tool, arguments)
            await desk.aclose()


@pytest.mark.parametrize("asked", UNSHUT, ids=str)
async def test_the_rest_is_open(asked: Asked) -> None:
    desk, arrived = real_host()
    await desk.call(asked.operation.tool, asked.arguments, Caller())
    assert len(arrived) == 1
    await desk.aclose()


def test_every_word_of_the_overlays_is_the_one_that_was_meant() -> None:
    stakes = {operation.id: operation.stakes for operation in COMPILED.operations}
    assert {name for name, word in stakes.items() if word == "exposes"} == EXPOSES
    assert {name for name, word in stakes.items() if word == "administers"} == ADMINISTERS
    arguments = {
        (o.id, name): word for o in COMPILED.operations for name, word in o.at_stake.items()
    }
    assert arguments == {(name, given): word_of(given) for name, given in ARGUMENTS}
    open_writes = {
        operation.id
        for operation in AIRCALLS
        if operation.effect == "write" and operation.stakes == "none"
    }
    assert open_writes == OPEN


@pytest.mark.parametrize("operation", COMPILED.operations, ids=lambda operation: operation.id)
def test_each_choice_is_argued(operation: Operation) -> None:
    performs = operation.ours and operation.id in ("write", "reach", "delete", "plan")
    if operation.effect != "read" and not performs:
        assert len(operation.because) > 6
    for parameter in operation.parameters:
        assert (parameter.stakes == "none") == (not parameter.because)


@pytest.mark.parametrize("operation", COMPILED.operations, ids=lambda operation: operation.id)
def test_clients_are_warned_of_all_that_takes_away_and_of_all_that_leaves(
    operation: Operation,
) -> None:
    notes = tool_for(operation)["annotations"]
    adds = operation.id in ADDITIVE
    assert notes["destructiveHint"] is (operation.effect != "read" and not adds)
    exposes = (
        operation.id in EXPOSES | {"read", "write"} or "exposes" in operation.at_stake.values()
    )
    assert notes["openWorldHint"] is (operation.effect == "reach" or exposes)


def test_the_four_performers_are_marked_by_the_worst_they_can_do() -> None:
    for effect in ("read", "write", "reach", "delete"):
        performed = [tool_for(o)["annotations"] for o in AIRCALLS if o.effect == effect]
        performer = tool_for(BY_ID[effect])["annotations"]
        for hint in ("destructiveHint", "openWorldHint"):
            assert performer[hint] is any(notes[hint] for notes in performed), (effect, hint)
        assert performer["readOnlyHint"] is all(notes["readOnlyHint"] for notes in performed)


def test_a_description_names_the_stakes_and_the_arguments_that_make_them() -> None:
    known = {operation.id: operation for operation in COMPILED.operations}
    assert description_of(BY_ID["create_webhook"], known)["stakes"] == "exposes"
    user = description_of(BY_ID["update_user_v2"], known)
    assert "stakes" not in user
    assert user["stakes_of_arguments"]["role_ids"] == "administers"
    assert "stakes" not in description_of(BY_ID["create_tag"], known)


@pytest.mark.parametrize("given", [{}, {"fetch_short_urls": False}])
def test_a_switch_of_a_list_that_is_off_asks_for_nothing(given: dict[str, Any]) -> None:
    assert BY_ID["list_calls"].bind(given).stakes == {}
    assert list(BY_ID["list_calls"].bind({"fetch_short_urls": True}).stakes) == ["exposes"]


def test_a_bound_knows_its_stakes_from_the_arguments_that_were_given() -> None:
    number = BY_ID["update_number"]
    assert number.bind({"number_id": 1, "name": "Paris"}).stakes == {}
    assert number.bind({"number_id": 1, "name": "Paris", "priority": None}).stakes == {}
    more: tuple[dict[str, Any], ...] = ({"messages": {}}, {"messages": "{}"}, {"priority": 0})
    for given in more:
        bound = number.bind({"number_id": 1, **given})
        assert list(bound.stakes) == ["administers"]
        assert next(iter(given)) in bound.stakes["administers"]
    assert BY_ID["update_user_v2"].bind({"id": 1, "role_ids": ["owner"]}).stakes


# Through the protocol, and on the command line.


@pytest.fixture(scope="module")
def there() -> Iterator[ForeignServer]:
    """Not a sandbox of ours: it stands for a proxy on this machine that leads to Aircall."""
    with foreign_server(lambda _method, _path: {"id": 1}) as stands:
        yield stands


@pytest.mark.parametrize("asked", SHUT, ids=str)
async def test_not_through_the_protocol_either(asked: Asked, there: ForeignServer) -> None:
    before = len(there.unasked)
    for surface, tool, arguments in (
        ("full", asked.operation.tool, asked.arguments),
        ("search", f"aircall_{asked.operation.effect}",
         {"operation": asked.operation.route, "arguments": asked.arguments}),
    ):  # fmt: skip
        settings = settings_from(
            {"base_url": there.url, "surface": surface, "include_deprecated": True}
        )
        app = open_app(settings, KEY)
        async with Client(AircallServer(app.desk)) as client:
            result = await client.call_tool(tool, arguments)
        assert result.is_error
        payload: Any = result.structured_content
        assert payload["error"]["kind"] == "needs_confirmation", payload
        await app.aclose()
    assert len(there.unasked) == before


@pytest.mark.parametrize("asked", SHUT, ids=str)
def test_not_on_the_command_line_and_there_by_name(
    asked: Asked, there: ForeignServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEY, "AIRCALL_MCP_BASE_URL": there.url}.items():
        monkeypatch.setenv(name, value)
    before = len(there.unasked)
    arguments = json.dumps(asked.arguments)
    operation = asked.operation
    names = (
        (operation.id, operation.tool, operation.route) if asked in SHUT[::10] else (operation.id,)
    )
    for name in names:  # all are one operation before anything is judged
        result = CliRunner().invoke(group, ["run", name, "--args", arguments])
        assert result.exit_code == 1, result.output
        assert json.loads(result.stdout)["error"]["kind"] == "needs_confirmation"
    assert len(there.unasked) == before
    monkeypatch.setenv("AIRCALL_MCP_ALLOW", ",".join(asked.words))
    result = CliRunner().invoke(group, ["run", operation.id, "--args", arguments])
    assert len(there.unasked) == before + 1, result.output


# Our own tool that sends words out.


def passing_on(home: Path, *allow: str) -> App:
    """An app on the real host with a destination and something to pass on."""
    app = open_app(settings_from({"allow": allow or None}), KEY)
    app.events.rules.name_destination(
        "https:crm", Secret("https://crm.larkspur.example.com/secret"), Memory()
    )
    app.events.log.webhooks.open(
        webhook_for("one", b"t", account="a", aircall_id="u", url="", kinds=(), now=0)
    )
    return app


@pytest.mark.parametrize("tool", ["aircall_forward_events", "aircall_write"])
async def test_passing_events_on_needs_the_same_yes(home: Path, tool: str) -> None:
    given: dict[str, Any] = {"kinds": ["message.received"], "to": "crm"}
    app = passing_on(home)
    if tool == "aircall_write":
        given = {"operation": "forward_events", "arguments": given}
        app.desk.offers = Offers(app.desk.registry, Selection(surface="search"))
    error = (await app.desk.call(tool, given, Caller())).payload["error"]
    assert error["kind"] == "needs_confirmation"
    assert error["approval"]["grade"] == 2
    assert app.events.rules.status() == []
    await app.aclose()


def test_nor_does_it_pass_the_command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEY.items():  # a rule is of the account that asks for it
        monkeypatch.setenv(name, value)
    app = passing_on(home)
    args = json.dumps({"kinds": ["message.received"], "to": "crm"})
    for more, rules in (([], 0), (["--allow", "exposes"], 1)):
        result = CliRunner().invoke(group, ["run", "forward_events", "--args", args, *more])
        assert result.exit_code == (0 if rules else 1), result.output
        assert len(app.events.rules.status()) == rules
    asyncio.run(app.aclose())


# What the owner may say.


@pytest.mark.parametrize(
    "words", list(chain.from_iterable(combinations(sorted(EVERYTHING), n) for n in (1, 2)))
)  # fmt: skip
def test_effects_and_stakes_are_allowed_by_name_from_everywhere(
    words: tuple[str, ...], home: Path
) -> None:
    text = ",".join(words)
    assert settings_from({"allow": text}).allow == words
    assert (
        settings_from({}, {"AIRCALL_MCP_HOME": str(home), "AIRCALL_MCP_ALLOW": text}).allow == words
    )
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(f"allow = {json.dumps(words)}", "utf-8")
    assert settings_from().allow == words


async def test_read_only_leaves_the_export_to_the_owners_yes() -> None:
    app, arrived = answering(200, {})
    offers = Offers(Registry.of(COMPILED), Selection(read_only=True))
    desk = OwnDesk(offers, gateway_to(app, sandbox=False, allowed=UNASKED))
    asked = dict(BY_ID["get_analytics_export"].example)
    result = await desk.call("aircall_get_analytics_export", asked, Caller())
    assert result.payload["error"]["kind"] == "not_allowed"
    assert arrived == []
    await desk.aclose()


async def test_a_gateway_of_the_real_host_lets_only_a_person_through() -> None:
    app, arrived = answering(200, {"webhook": {}})
    gateway: Gateway = gateway_to(app, sandbox=False, allowed=UNASKED)
    bound = BY_ID["create_webhook"].bind({"url": "https://events.example.com/in"})
    with pytest.raises(NotAllowed, match="one-time codes"):
        await gateway.send(bound, Caller())
    assert arrived == []
    await gateway.send(bound, Caller(person=True))
    assert len(arrived) == 1
    await gateway.aclose()
