"""What strangers write unseen, in every text of the document, on every way out."""

from __future__ import annotations

import io
import itertools
import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ResourceTemplateReference

from aircall_mcp.cli import options, screen
from aircall_mcp.events.forwarding.wording import written
from aircall_mcp.events.query import Query
from aircall_mcp.ground.logs import Line
from aircall_mcp.ground.operation import Operation
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.ground.visible import clean
from aircall_mcp.offer import Registry
from aircall_mcp.offer.questions import preview_of
from aircall_mcp.protocol.mcp_server import AircallServer

from ..events.harness import EventHarness
from ..forwarding import Forwarding, opened
from ..harness import Clock, Harness, desk_over, sandbox_with
from ..mail import told
from ..upstream import bound
from .poison import PAYLOADS, Poisoned, names, texts_in, unseen_in

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3000)]

SCRUB = Scrubber().text


class PoisonedServer:
    """A server with all its ways out, before an Aircall of strangers."""

    def __init__(self, home: Path, registry: Registry) -> None:
        self.aircall = Poisoned()
        self.events = EventHarness(home, self.aircall, registry, Clock())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # an Aircall is an Aircall
        self.server = AircallServer(self.events.desk, news=lambda: self.events.resources)
        self.operations = [one for one in registry.known if not one.ours and one.path != "/v1/ping"]
        self._turn = itertools.count()

    def rotate(self, _name: str) -> str:
        return PAYLOADS[next(self._turn) % len(PAYLOADS)]


@pytest.fixture
async def poisoned(home: Path, registry: Registry) -> AsyncGenerator[PoisonedServer]:
    poisoned = PoisonedServer(home, registry)
    yield poisoned
    await poisoned.events.desk.aclose()


@pytest.fixture
async def forwarding(home: Path) -> AsyncGenerator[Forwarding]:
    async with opened(home) as forwarding:
        yield forwarding


def seen(value: Any) -> Any:
    """`value`, once nothing in it is unseen."""
    for text in texts_in(value):
        assert unseen_in(text) == [], ascii(text)
    return value


def named_in(value: Any) -> set[str]:
    """The names of all fields in `value` (JSON)."""
    if isinstance(value, list):
        return {name for one in cast("list[Any]", value) for name in named_in(one)}
    if not isinstance(value, dict):
        return set()
    fields = cast("dict[str, Any]", value)
    return {*fields, *(name for part in fields.values() for name in named_in(part))}


def test_the_payloads_are_what_they_are_meant_to_be() -> None:
    assert len(set(PAYLOADS)) >= 200
    assert all(unseen_in(one) for one in PAYLOADS)
    assert not any(unseen_in(clean(one)) for one in PAYLOADS)


async def test_no_result_has_anything_unseen_and_every_text_of_the_document_came(
    poisoned: PoisonedServer, full: bool
) -> None:
    count, fields = 0, set[tuple[str, str]]()
    async with Client(poisoned.server) as client:
        for turn in range(len(PAYLOADS) if full else 1):
            poisoned.aircall.say = (lambda _n, t=turn: PAYLOADS[t]) if full else poisoned.rotate
            for operation in poisoned.operations:
                if turn and operation.effect != "read":
                    continue
                for detail in ("full", "concise"):
                    whole = await _called(client, operation, detail)
                    count += 1
                    if detail == "full":
                        given = named_in(whole.get("data"))
                        fields |= {(operation.id, n) for n in operation.answer.strangers & given}
                        if operation.answer.strangers & given:
                            assert any("Words of other people" in n for n in whole["notes"])
    marked = {(one.id, n) for one in poisoned.operations for n in one.answer.strangers}
    assert marked - fields == set()
    print(f"unseen: {count} results, {len(fields)} texts of {len(poisoned.operations)} operations")


async def _called(client: Client, operation: Operation, detail: str) -> Any:
    arguments = dict(operation.example)
    if "detail" in operation.input_schema["properties"]:
        arguments["detail"] = detail
    result = await client.call_tool(operation.tool, arguments)
    seen(json.loads(result.content[0].text))  # type: ignore[union-attr]  # pyright: ignore
    return seen(result.structured_content)


async def test_no_error_resource_or_completion_has_anything_unseen(
    poisoned: PoisonedServer, full: bool
) -> None:
    payloads = PAYLOADS if full else PAYLOADS[::9]
    poisoned.aircall.say = poisoned.rotate
    call: Any = poisoned.aircall.told(bound("get_call", call_id=1).operation)
    async with Client(poisoned.server) as client:
        for number, payload in enumerate(payloads, 1):
            poisoned.aircall.say = lambda _name, said=payload: said
            data: dict[str, Any] = {
                **call["call"],
                "id": number,
                "comments": [{"content": payload}],
                payload: 1,
            }
            poisoned.events.hear(told("call.commented", **data))
            for uri in ("aircall://events", f"aircall://calls/{number}"):
                read = await client.read_resource(uri)
                seen(json.loads(read.contents[0].text))  # type: ignore[union-attr]  # pyright: ignore
            reference = ResourceTemplateReference(uri="aircall://calls/{id}")
            typed = {"name": "id", "value": str(number)}
            seen((await client.complete(reference, typed)).completion.values)
            poisoned.aircall.status = 422
            refused = await client.call_tool("aircall_get_tag", {"tag_id": number})
            assert refused.is_error
            seen(refused.structured_content)
            poisoned.aircall.status = 200
            typed_in = payload.encode("utf-8", "ignore").decode()  # no client sends half a letter
            arguments = {typed_in: typed_in, "tag_id": typed_in}
            wrong = await client.call_tool("aircall_get_tag", arguments)
            assert wrong.is_error
            seen(wrong.structured_content)
            with pytest.raises(MCPError) as unknown:
                await client.call_tool(f"aircall_{typed_in}", {})
            with pytest.raises(MCPError) as nowhere:
                await client.read_resource(f"x:{number}")
            seen([unknown.value.message, nowhere.value.message])
            found = await client.call_tool("aircall_search", {"query": f"list tags {typed_in}"})
            seen(found.structured_content)
        for tool in ("aircall_read_events", "aircall_list_messages"):
            seen((await client.call_tool(tool, {})).structured_content)


async def test_nothing_that_is_passed_on_has_anything_unseen(
    forwarding: Forwarding, full: bool
) -> None:
    aircall = Poisoned()
    forwarding.destination()
    for payload in PAYLOADS if full else PAYLOADS[::9]:
        aircall.say = lambda _name, said=payload: said
        message: Any = aircall.told(bound("get_call", call_id=1).operation)["call"]
        message |= {"id": f"SM{payload}", "body": payload, payload: payload}
        forwarding.log.append([told("message.received", **message)])
    destination = forwarding.rules.destinations()[0]
    count = 0
    for event in forwarding.log.read(Query(limit=1000)):
        masked = Scrubber().json(event.data)
        for form in ("slack", "https"):
            to = type(destination)(f"{form}:x", form, "example.com")  # type: ignore[arg-type]  # pyright: ignore
            one = type(event)(**{**_fields(event), "data": masked})
            body, _ = written(to, one, "1-1", Secret("key-of-a-rule"), 0.0, SCRUB)
            seen(json.loads(body))
            count += 1
    assert count >= 40


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}


async def test_no_log_terminal_or_question_has_anything_unseen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Line(SCRUB))
    log = logging.getLogger("attacks")
    log.addHandler(handler)
    log.propagate = False
    for payload in PAYLOADS:
        log.warning("somebody said %s", payload)
        log.error("a bug", exc_info=ValueError(payload))
        screen.show(payload, first=payload, style="red")
        screen.error(payload, payload)
        screen.table((payload, "b"), [(payload, payload)])
        options.print_json({payload: [payload]})
        words = payload.encode("utf-8", "ignore").decode()  # no argument has half a letter
        tag = bound("create_tag", name=words, color="#ff0000")
        asked = preview_of(tag, words, words, SCRUB)
        seen(asked)
        assert len(asked.splitlines()) == 6  # no line of theirs
    told = capsys.readouterr()
    seen(stream.getvalue())
    seen([told.out, told.err])
    assert min(map(len, (told.out, told.err, stream.getvalue()))) > 200 * 40


async def test_a_name_that_is_read_and_written_back_is_the_name_that_it_was(
    registry: Registry, full: bool
) -> None:
    sandbox = sandbox_with(requests_per_minute=None)
    harness = Harness(desk_over(sandbox, registry), sandbox)
    contact = next(iter(sandbox.world.contacts.values()))
    changed = 0
    every = names()
    assert len(set(every)) >= 2_000
    for name in every if full else every[::40]:
        contact.first_name = name
        read = await harness.call("get_contact", contact_id=contact.id)
        given = read["data"]["contact"]["first_name"]
        await harness.call("update_contact", contact_id=contact.id, first_name=given)
        changed += contact.first_name != name
    assert changed == 0
    assert [one for one in every if clean(one) != one or SCRUB(one) != one] == []
    await harness.desk.aclose()
