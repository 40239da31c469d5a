"""A text that is a word that stops: its number is left alone, before anybody hears 200."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from aircall_mcp.app import open_app
from aircall_mcp.errors import StoreError
from aircall_mcp.events.opt_out import is_stop, who_stops
from aircall_mcp.events.query import Query
from aircall_mcp.ground.config import settings_from
from aircall_mcp.safety.safety import Safety
from aircall_mcp.safety.usage import BY_TEXT

from ..harness import Clock
from ..mail import PATH, call, envelope, log_in, receiving, text, told

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "words",
    ["STOP", "stop", " Stop. ", "STOP!!", "Stop all", "UNSUBSCRIBE", "opt-out", "Arrêt", "ARRET",
     "stopp", "Baja", "SAIR", "\u200eSTOP", "ST\u200bOP", "\uff33\uff34\uff2f\uff30",
     f"STOP{50 * chr(10)}", "STOP STOP", "Stop! Unsubscribe.", "Please stop", "СТОП", "ΣΤΟΠ",
     "إلغاء", "退订"],
)  # fmt: skip
def test_what_stops(words: str) -> None:
    assert is_stop(words)


@pytest.mark.parametrize(
    "words",
    ["", "!", "stop by at three?", "please", "stop stopping", "please don't stop",
     "the bus stop", "Ende gut", "START", "yes", "cancel my appointment on Friday", "STOP " * 1000],
)  # fmt: skip
def test_what_does_not(words: str) -> None:
    assert not is_stop(words)


def test_only_a_text_from_outside_stops_and_only_for_who_wrote_it() -> None:
    assert who_stops("message.received", text("1", "STOP").data) == "+33199001234"
    written = told("message.received", "5", body="", text="STOP", raw_digits="+33199001235")
    assert who_stops(written.kind, written.data) == "+33199001235"
    blank = told(
        "message.received", "6", body="STOP", raw_digits="", external_number="+33199001236"
    )
    assert who_stops(blank.kind, blank.data) == "+33199001236"
    sent = told("message.sent", "2", body="STOP", raw_digits="+33199001234", direction="outbound")
    odd = told("message.received", "3", body=["STOP"], raw_digits=7, direction="inbound")
    for one in (sent, odd, call("ended", 4)):
        assert who_stops(one.kind, one.data) is None


async def test_its_number_is_left_alone_from_then_on(home: Path) -> None:
    safety = Safety.of(home)

    async def leave_alone(number: str) -> bool:
        return await safety.usage.suppress(number, BY_TEXT)

    async with receiving(log_in(home), leave_alone=leave_alone) as client:
        for identity, words in (("1", "Hello"), ("2", "Stop."), ("3", "Stop.")):
            answer = await client.post(PATH, content=envelope(text(identity, words)))
            assert answer.status_code == 200
    assert await safety.usage.suppressed() == {"+33199001234": BY_TEXT}
    safety.close()


async def test_a_server_that_receives_leaves_alone_who_stops(home: Path) -> None:
    log_in(home).close()
    variables = {"AIRCALL_MCP_HOME": str(home)}
    async with open_app(settings_from({}, variables), variables, clock=Clock().handed()) as app:
        receiver = app.events.receiver()
        transport = httpx2.ASGITransport(app=receiver)
        async with receiver, httpx2.AsyncClient(transport=transport, base_url="http://e") as client:
            answer = await client.post(PATH, content=envelope(text("1", "stop")))
    assert answer.status_code == 200
    safety = Safety.of(home)
    assert await safety.usage.suppressed() == {"+33199001234": BY_TEXT}
    safety.close()


async def test_what_cannot_be_heeded_is_not_acknowledged_and_comes_again(home: Path) -> None:
    log = log_in(home)

    async def full(_number: str) -> None:
        raise StoreError("The disk is full.")

    async with receiving(log, leave_alone=full) as client:
        answer = await client.post(PATH, content=envelope(text("1", "STOP")))
        assert answer.status_code == 503
        assert log.read(Query()) == []


async def test_nobody_stops_a_number_without_the_token(home: Path) -> None:
    heard: list[str] = []

    async def leave_alone(number: str) -> None:
        heard.append(number)

    async with receiving(log_in(home), leave_alone=leave_alone) as client:
        answer = await client.post(PATH, content=envelope(text("1", "STOP"), "wrong"))
    assert answer.status_code == 401
    assert heard == []
