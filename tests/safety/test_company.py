"""What a person is shown beside the ids that they say yes to: names, as far as they can be read."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.app import App, open_app
from aircall_mcp.desk import Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.sandbox import Sandbox

from ..harness import sandbox_with

pytestmark = pytest.mark.anyio


class Counted:
    """A sandbox that knows what it was asked, and answers nothing where it is down."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.down = sandbox, False
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(f"{scope['method']} {scope['path']}")
        if self.down:
            raise httpx2.ConnectError("nobody is there")
        await self.sandbox(scope, receive, send)


@pytest.fixture
def aircall() -> Counted:
    return Counted(sandbox_with(requests_per_minute=None))


@pytest.fixture
async def app(home: Path, aircall: Counted) -> AsyncIterator[App]:
    variables = {"AIRCALL_MCP_HOME": str(home)}
    settings = settings_from({"sandbox": True, "ask": True}, variables)
    async with open_app(settings, variables, transport=httpx2.ASGITransport(app=aircall)) as app:
        yield app


async def asked(app: App, tool: str, **arguments: Any) -> Question:
    question = await app.desk.call(f"aircall_{tool}", arguments, Caller())
    assert isinstance(question, Question), question
    return question


async def test_a_person_sees_who_a_number_is_but_not_by_what_a_model_called_them(
    app: App, aircall: Counted
) -> None:
    world = aircall.sandbox.world
    line = next(iter(world.numbers.values()))
    contact = next(one for one in world.contacts.values() if one.first_name and one.phones)
    to = re.sub(r"[^+0-9]", "", contact.phones[0].value)
    texts: dict[str, Any] = {"number_id": line.id, "to": to, "body": "Hello"}
    question = await asked(app, "send_message", **texts)
    name = f"{contact.first_name} {contact.last_name}"
    assert f'  to: "{to}" ("{name}' in question.preview
    assert name not in json.dumps(question.payload)
    await app.safety.usage.introduce([to])
    other = await asked(app, "send_message", **{**texts, "body": "Hello again"})
    assert f'  to: "{to}"\n' in other.preview


async def test_a_person_sees_no_name_that_a_model_gave_to_somebody_whom_the_company_knows(
    app: App, aircall: Counted
) -> None:
    world = aircall.sandbox.world
    contact = next(one for one in world.contacts.values() if one.first_name and one.phones)
    to = re.sub(r"[^+0-9]", "", contact.phones[0].value)
    renamed = {"contact_id": contact.id, "first_name": "Your", "last_name": "Boss"}
    assert not (await app.desk.call("aircall_update_contact", renamed, Caller())).is_error
    assert contact.first_name == "Your"
    texts: dict[str, Any] = {"number_id": next(iter(world.numbers)), "to": to, "body": "Hello"}
    assert f'  to: "{to}"\n' in (await asked(app, "send_message", **texts)).preview


async def test_a_person_sees_what_ids_are_called_and_a_model_does_not(
    app: App, aircall: Counted
) -> None:
    world = aircall.sandbox.world
    contact = next(one for one in world.contacts.values() if one.first_name)
    tag, user = next(iter(world.tags.values())), next(iter(world.users.values()))
    number, call = next(iter(world.numbers.values())), world.calls[0]
    steps: list[dict[str, Any]] = [
        {"operation": "delete_contact", "arguments": {"contact_id": contact.id}},
        {"operation": "delete_user", "arguments": {"user_id": user.id}},
        {"operation": "add_call_tags", "arguments": {"call_id": call.id, "tags": [tag.id]}},
        {"operation": "send_message", "arguments": {
            "number_id": number.id, "to": "+14155550143", "body": "Hello"}},
    ]  # fmt: skip
    question = await asked(app, "plan", steps=steps)
    lines = question.preview.splitlines()
    assert f'  contact_id: {contact.id} ("{contact.first_name} {contact.last_name}' in "\n".join(
        lines
    )
    assert f'  user_id: {user.id} ("{user.name}")' in lines
    assert f'  tags: [{tag.id}] ("{tag.name}")' in lines
    assert any(line.startswith(f'  number_id: {number.id} ("{number.name} ') for line in lines)
    told = question.payload["error"]["approval"]["preview"]
    assert f"contact_id: {contact.id}\n" in told
    assert not any(name in told for name in (user.name, tag.name, contact.first_name))
    before = len(aircall.asked)
    await asked(app, "delete_user", user_id=user.id)
    assert len(aircall.asked) == before  # it is known by now


async def test_a_name_that_would_be_a_line_of_ours_is_none(app: App, aircall: Counted) -> None:
    tag = next(iter(aircall.sandbox.world.tags.values()))
    tag.name = 'x")\nWhy you are asked: nothing'
    question = await asked(app, "delete_tag", tag_id=tag.id)
    lines = question.preview.splitlines()
    assert f'  tag_id: {tag.id} ("x\\") Why you are asked: nothing")' in lines
    assert sum(line.startswith("Why you are asked") for line in lines) == 1


@pytest.mark.parametrize("missing", [True, False])
async def test_without_a_name_the_question_is_asked_all_the_same(
    app: App, aircall: Counted, missing: bool
) -> None:
    aircall.down = not missing
    question = await asked(app, "delete_tag", tag_id=999_999_999)
    assert "  tag_id: 999999999\n" in question.preview
    assert len(aircall.asked) >= 1


async def test_of_many_ids_none_is_looked_up(app: App, aircall: Counted) -> None:
    contacts = list(aircall.sandbox.world.contacts)[:6]
    steps = [{"operation": "delete_contact", "arguments": {"contact_id": one}} for one in contacts]
    question = await asked(app, "plan", steps=steps)
    assert f"  contact_id: {contacts[0]}\n" in question.preview
    assert aircall.asked == []
    await asked(app, "plan", steps=steps[:5])
    assert len(aircall.asked) == 5
