"""What the gateway makes of what comes back."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from aircall_mcp.errors import (
    BudgetExhausted,
    OutcomeUnknown,
    Unreachable,
)
from aircall_mcp.gateway.budget import pause_of
from aircall_mcp.gateway.connections import LARGEST_ANSWER
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry

from ..harness import answering, gateway_to
from .asking import BASIC, KEY, calling, failure, reading, refused, writing

pytestmark = pytest.mark.anyio


async def test_a_missing_add_on_is_told_apart_from_a_bad_key(registry: Registry) -> None:
    edge = await refused(registry, 403, {"message": "Forbidden"}, "get_call_summary")
    assert "key or token is wrong" in edge.hint
    assert "AI Assist" in edge.hint
    plan = await refused(
        registry, 403, {"error": "Forbidden", "troubleshoot": "No"}, "get_call_summary"
    )
    assert plan.hint == "This needs the AI Assist add-on on the Aircall account."


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_names_the_command_that_looks_at_it(
    registry: Registry, status: int
) -> None:
    error = await refused(registry, status, {"message": "Forbidden"})
    assert "aircall-mcp doctor" in error.hint
    assert "Aircall says: Forbidden" in error.message


async def test_a_missing_route_is_told_apart_from_a_missing_thing(registry: Registry) -> None:
    edge = await refused(registry, 404, {"message": "Not Found"})
    assert "no such route" in edge.hint
    thing = await refused(registry, 404, {"error": "Not Found", "troubleshoot": "Call not found"})
    assert "Look it up" in thing.hint
    assert "Aircall says: Call not found" in thing.message


async def test_a_405_is_a_matter_of_state_and_says_what_to_look_at(registry: Registry) -> None:
    body = {"error": "Method Not Allowed", "troubleshoot": "The user is currently unavailable",
            "success": False}  # fmt: skip
    error = await refused(registry, 405, body, "start_outbound_call")
    assert "The user is currently unavailable" in error.message
    assert "availability" in error.hint


async def test_a_422_tells_the_fields_that_aircall_complains_of(registry: Registry) -> None:
    body = {"error": "Unprocessable Entity", "success": False,
            "errors": {"dialer_campaign": ["has already been taken"]}}  # fmt: skip
    error = await refused(registry, 422, body, "create_dialer_campaign")
    assert "Unprocessable Entity" in error.message
    assert '"dialer_campaign": ["has already been taken"]' in error.message


async def test_a_400_passes_on_aircalls_own_words(registry: Registry) -> None:
    body = {"error": "Bad Request", "troubleshoot": "Maximum of 5 notes can be added to a Call."}
    error = await refused(registry, 400, body, "add_call_comment")
    assert "Maximum of 5 notes" in error.message


async def test_a_repeated_idempotency_key_says_that_the_first_request_stands(
    registry: Registry,
) -> None:
    error = await refused(registry, 409, {"error": "Conflict"}, "trigger_ai_voice_agent_call")
    assert "first request stands" in error.hint


@pytest.mark.parametrize(
    "body", [None, b"<html>no</html>", b"[1]", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000]
)
@pytest.mark.parametrize("status", [302, 400, 403, 404, 422, 500, 503])
async def test_an_error_in_any_form_is_still_an_error(
    registry: Registry, status: int, body: Any
) -> None:
    error = await refused(registry, status, body)
    assert error.hint


async def test_aircalls_words_are_bounded_and_a_secret_among_them_is_masked(
    registry: Registry,
) -> None:
    words = f"You sent {KEY[1]} and Basic-ally {BASIC}. " + "x" * 10_000
    app, _ = answering(400, {"error": "Bad Request", "troubleshoot": words})
    error = await failure(gateway_to(app, key=KEY), reading(registry))
    assert "[secret]" in error.message
    assert len(error.message) < 700


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "100000"}, 120),
        ({"Retry-After": "inf"}, 60),
        ({"Retry-After": "nan"}, 60),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1),
        ({"X-AircallApi-Reset": "+30"}, 30),
        ({"X-AircallApi-Reset": "+30ms"}, 30),
        ({"X-AircallApi-Reset": "-30"}, 1),
        ({"X-AircallApi-Reset": "soon"}, 60),
        ({"Retry-After": "later", "X-AircallApi-Reset": "+30"}, 30),
        ({}, 60),
    ],
)
async def test_a_429_says_when_to_come_back_whatever_header_it_has(
    registry: Registry, headers: dict[str, str], seconds: float
) -> None:
    written = dict(headers)
    reset = written.get("X-AircallApi-Reset", "")
    if reset.removesuffix("ms")[1:].isdigit():
        at = int(time.time()) + int(reset.removesuffix("ms"))
        written["X-AircallApi-Reset"] = str(at * 1000 if reset.endswith("ms") else at)
    app, _ = answering(429, {"error": "Too Many Requests"}, written)
    error = await failure(gateway_to(app), reading(registry))
    assert isinstance(error, BudgetExhausted)
    assert error.retry_after == pytest.approx(seconds, abs=2 if reset else 0.01)
    assert error.extra()["retry_after_seconds"] == round(error.retry_after, 1)


def test_the_wait_after_a_429_is_never_less_than_one_second_or_more_than_two_minutes() -> None:
    for value in ("-5", "0.001", "1e300", "-inf"):
        assert 1 <= pause_of({"retry-after": value}, time.time()) <= 120


async def test_a_500_after_an_effect_leaves_the_outcome_unknown(registry: Registry) -> None:
    app, _ = answering(502, {"message": "Bad Gateway"})
    error = await failure(gateway_to(app), calling(registry))
    assert isinstance(error, OutcomeUnknown)
    assert "newest calls" in error.hint
    app, _ = answering(502, {"message": "Bad Gateway"})
    assert isinstance(await failure(gateway_to(app), writing(registry)), OutcomeUnknown)
    await refused(registry, 500, {"message": "Internal Server Error"}, "update_tag")


async def test_an_answer_that_is_no_json_is_no_success(registry: Registry) -> None:
    app, _ = answering(200, b"<html>We will be right back</html>")
    assert isinstance(await failure(gateway_to(app), reading(registry)), Unreachable)
    assert isinstance(await failure(gateway_to(app), writing(registry)), OutcomeUnknown)


async def test_more_than_five_megabytes_are_not_taken(registry: Registry) -> None:
    app, _ = answering(200, b" " * (LARGEST_ANSWER + 1))
    error = await failure(gateway_to(app), reading(registry))
    assert isinstance(error, Unreachable)
    assert "over 5 MB" in error.message
    app, _ = answering(200, b" " * (LARGEST_ANSWER + 1))
    assert isinstance(await failure(gateway_to(app), writing(registry)), OutcomeUnknown)
    app, _ = answering(200, b" " * (LARGEST_ANSWER - 2) + b"{}")
    gateway = gateway_to(app)
    assert (await gateway.send(reading(registry), Caller())).body == {}
    await gateway.aclose()


async def test_the_bound_holds_for_what_a_small_gzip_body_unfolds_to(registry: Registry) -> None:
    bomb = gzip.compress(b"[" + b" " * 40_000_000 + b"]")
    assert len(bomb) < 100_000
    app, _ = answering(200, bomb, {"Content-Encoding": "gzip"})
    assert isinstance(await failure(gateway_to(app), reading(registry)), Unreachable)
