from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import anyio
import httpx2
import pytest

from aircall_mcp.errors import (
    AircallMCPError,
    ArgumentError,
    BudgetExhausted,
    CredentialError,
    Duplicate,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    ToolError,
    Unreachable,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.gateway.budget import WINDOW, Budget, pause_of
from aircall_mcp.gateway.connections import LARGEST_ANSWER
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.gateway.ledger import MIGRATIONS, Share
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground.caller import Caller, Lane
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.reply import Reply
from aircall_mcp.offer import Registry
from aircall_mcp.storage.state import InMemory

from ..canaries import CANARIES
from ..house import App, Clock, OwnGateway, answering, auth_for, gateway_to

pytestmark = pytest.mark.anyio

KEY = (CANARIES["api id"], CANARIES["api token"])
BASIC = base64.b64encode(":".join(KEY).encode()).decode()
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def reading(registry: Registry) -> Bound:
    return registry.ids["get_company"].bind({})


def calling(registry: Registry) -> Bound:
    arguments = {"user_id": 1, "number_id": 2, "to": "+33199001234"}
    return registry.ids["start_outbound_call"].bind(arguments)


def writing(registry: Registry) -> Bound:
    return registry.ids["update_tag"].bind({"tag_id": 1, "name": "a"})


async def failure(
    gateway: OwnGateway, bound: Bound, caller: Caller | None = None
) -> AircallMCPError:
    """The error of one request; nothing of the credential is ever in it."""
    with pytest.raises(AircallMCPError) as caught:
        await gateway.send(bound, caller or Caller())
    await gateway.aclose()
    error = caught.value
    told = f"{error.message} {error.hint} {error!r} {error.__cause__!r}"
    if isinstance(error, ToolError):
        told += json.dumps(error.extra())
    for secret in (*KEY, BASIC, "sandbox-api-token", "Basic "):
        assert secret not in told
    return error


async def refused(registry: Registry, status: int, body: Any, name: str = "get_call", **more: Any):
    app, _ = answering(status, body, **more)
    arguments = {"get_call": {"call_id": 1}, "get_company": {}}.get(name)
    operation = registry.ids[name]
    bound = operation.bind(operation.example if arguments is None else arguments)
    error = await failure(gateway_to(app), bound)
    assert isinstance(error, Refused)
    assert error.status == status
    assert error.extra() == {"status": status}
    return error


# What is sent


async def test_a_request_carries_what_is_ours_and_nothing_else(registry: Registry) -> None:
    app, asked = answering(204)
    gateway = gateway_to(app, key=KEY)
    assert await gateway.send(calling(registry), Caller(interface="mcp", client="x")) == Reply(
        204, None, sandbox=True
    )
    await gateway.aclose()
    (request,) = asked
    assert (request["method"], request["path"]) == ("POST", "/v1/users/1/calls")
    assert json.loads(request["body"]) == {"number_id": 2, "to": "+33199001234"}
    headers = request["headers"]
    assert set(headers) == {"host", "authorization", "content-type", "content-length", "accept",
                            "accept-encoding", "connection", "user-agent"}  # fmt: skip
    assert headers["host"] == "api.aircall.io"
    assert headers["authorization"] == f"Basic {BASIC}"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("aircall-mcp/")


async def test_every_get_says_its_content_type_since_two_of_them_fail_without(
    registry: Registry,
) -> None:
    app, asked = answering(200, {"company": {}})
    gateway = gateway_to(app)
    await gateway.send(reading(registry), Caller())
    await gateway.aclose()
    assert asked[0]["headers"]["content-type"] == "application/json"
    assert asked[0]["body"] == b""


async def test_an_access_token_is_sent_as_bearer(registry: Registry) -> None:
    app, asked = answering(200, {"company": {}})
    gateway = gateway_to(app, key="an-access-token")
    await gateway.send(reading(registry), Caller())
    await gateway.aclose()
    assert asked[0]["headers"]["authorization"] == "Bearer an-access-token"


async def test_without_a_key_nothing_is_sent_and_the_error_names_what_to_set(
    registry: Registry,
) -> None:
    app, asked = answering(200, {})
    error = await failure(gateway_to(app, key=None), reading(registry))
    assert isinstance(error, CredentialError)
    assert "AIRCALL_API_ID" in error.hint
    assert "AIRCALL_API_TOKEN" in error.hint
    assert "--sandbox" in error.hint
    assert asked == []


@pytest.mark.parametrize(
    ("name", "effect"), [("start_outbound_call", "reach"), ("delete_tag", "delete")]
)
async def test_what_the_owner_does_not_allow_is_not_sent(
    registry: Registry, name: str, effect: str
) -> None:
    app, asked = answering(204)
    operation = registry.ids[name]
    gateway = gateway_to(app, allowed=frozenset({"read", "write"}))
    error = await failure(gateway, operation.bind(operation.example))
    assert isinstance(error, NotAllowed)
    assert f"--allow {effect}" in error.hint
    assert asked == []


async def test_arguments_too_long_for_a_url_are_an_argument_error(registry: Registry) -> None:
    app, asked = answering(200, {"calls": []})
    bound = registry.ids["search_calls"].bind({"tags": list(range(1, 20_000))})
    error = await failure(gateway_to(app), bound)
    assert isinstance(error, ArgumentError)
    assert asked == []


async def test_the_same_read_in_flight_is_shared_within_a_lane_alone(registry: Registry) -> None:
    app, asked = answering(200, {"company": {}})
    answers = asyncio.Event()

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        await answers.wait()
        await app(scope, receive, send)

    gateway = gateway_to(slowly)
    lanes: tuple[Lane, ...] = ("waiting", "bulk", "waiting", "bulk")
    reads = [
        asyncio.create_task(gateway.send(reading(registry), Caller(lane=lane))) for lane in lanes
    ]
    await asyncio.sleep(0)
    answers.set()
    assert [reply.body for reply in await asyncio.gather(*reads)] == [{"company": {}}] * 4
    assert len(asked) == 2
    await gateway.aclose()


async def test_who_waits_is_not_held_back_by_the_same_read_in_bulk(registry: Registry) -> None:
    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 5

    app, asked = answering(200, {"company": {}})
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    gateway = gateway_to(app, budget=budget, company=company)
    for tag_id in range(1, 5):  # of five requests a minute, bulk reading may take four
        await gateway.send(registry.ids["get_tag"].bind({"tag_id": tag_id}), Caller())
    bulk = asyncio.create_task(
        gateway.send(reading(registry), Caller(lane="bulk", patience=2 * WINDOW))
    )
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        assert (await gateway.send(reading(registry), Caller())).age == 0
    assert not bulk.done()
    assert len(asked) == 5
    bulk.cancel()
    await asyncio.wait({bulk})
    await gateway.aclose()


# What comes back


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


# Over a real socket


@asynccontextmanager
async def aircall(
    behaviour: Behaviour, **more: Any
) -> AsyncGenerator[tuple[OwnGateway, list[bytes]]]:
    """A server that does as `behaviour` says, a gateway to it, and the requests it heard."""
    heard: list[bytes] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [
                line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            ]
            heard.append(
                head + (await reader.readexactly(int(length[0].split(b":")[1])) if length else b"")
            )
            await behaviour(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    auth = auth_for(base_url, KEY)
    gateway = OwnGateway(base_url=base_url, auth=auth, **more)
    try:
        yield gateway, heard
    finally:
        await gateway.aclose()
        server.close()
        await server.wait_closed()


def saying(content: bytes) -> Behaviour:
    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return say


GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"company": {}}'


async def test_nobody_at_the_other_end_means_that_nothing_was_done(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (gateway, _):
        pass  # by now nobody listens on that port
    closed = OwnGateway(base_url=gateway.base_url, auth=auth_for(gateway.base_url, KEY[1]))
    for bound in (reading(registry), writing(registry), calling(registry)):
        error = await failure(closed, bound)
        assert isinstance(error, Unreachable)
        assert "Nothing was changed" in error.hint


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 204", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"garbage\r\n\r\n"],
    ids=["silence", "half a head", "half a body", "no http"],
)
async def test_a_broken_answer_leaves_an_effect_unknown_and_a_read_harmless(
    registry: Registry, answer: bytes
) -> None:
    async with aircall(saying(answer)) as (gateway, heard):
        assert isinstance(await failure(gateway, calling(registry)), OutcomeUnknown)
        assert isinstance(await failure(gateway, writing(registry)), OutcomeUnknown)
        assert isinstance(await failure(gateway, reading(registry)), Unreachable)
        assert len(heard) == 1 + 2 + 2  # then the breaker is open


async def test_an_answer_later_than_the_deadline_leaves_an_effect_unknown(
    registry: Registry,
) -> None:
    async def wait(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up

    soon = Caller(deadline=0.1)
    async with aircall(wait) as (gateway, heard):
        error = await failure(gateway, calling(registry), soon)
        assert isinstance(error, OutcomeUnknown)
        assert "took too long" in error.message
        assert isinstance(await failure(gateway, reading(registry), soon), Unreachable)
        assert len(heard) == 2


async def test_a_cancelled_call_leaves_the_gateway_fit_for_the_next(registry: Registry) -> None:
    first = True

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        if first:
            first = False
            await reader.read()
        await saying(GOOD)(reader, writer)

    async with aircall(once) as (gateway, _):
        with anyio.move_on_after(0.1) as scope:
            await gateway.send(reading(registry), Caller())
        assert scope.cancelled_caught
        assert (await gateway.send(reading(registry), Caller())).body == {"company": {}}


async def test_a_redirect_is_not_followed(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (elsewhere, visited):
        moved = (
            f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.base_url}/\r\nContent-Length: 0\r\n\r\n"
        )
        async with aircall(saying(moved.encode())) as (gateway, _):
            error = await failure(gateway, reading(registry))
        assert isinstance(error, Refused)
        assert error.status == 302
        assert "not followed" in error.hint
        assert visited == []


async def test_a_proxy_of_the_environment_is_not_used(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aircall(saying(GOOD)) as (proxy, visited):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        async with aircall(saying(GOOD)) as (gateway, heard):
            await gateway.send(reading(registry), Caller())
        assert (len(heard), visited) == (1, [])


async def test_a_proxy_of_the_owner_is_used(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (proxy, visited):
        base_url = "http://localhost:9"
        auth = auth_for(base_url, "a-token-for-the-proxy")
        gateway = OwnGateway(base_url=base_url, auth=auth, proxy=proxy.base_url)
        assert (await gateway.send(reading(registry), Caller())).status == 200
        await gateway.aclose()
        assert visited[0].startswith(b"GET http://localhost:9/v1/company HTTP/1.1\r\n")


async def test_no_argument_can_add_a_header_or_a_line(registry: Registry) -> None:
    evil = "a\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n"
    async with aircall(saying(GOOD)) as (gateway, heard):
        for name, arguments in (
            ("search_contacts", {"email": evil}),
            ("list_sms_templates", {"search": evil}),
            ("add_call_comment", {"call_id": 1, "content": evil}),
            ("create_tag", {"name": evil, "color": "#123456"}),
        ):
            await gateway.send(registry.ids[name].bind(arguments), Caller())
            with pytest.raises(ArgumentError):
                registry.ids["get_user_v2"].bind({"user_id": evil})
    assert len(heard) == 4
    for request in heard:
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"evil" not in head.lower().split(b"\r\n", 1)[1]
        assert head.split(b"\r\n")[0].count(b" ") == 2
        assert b"\r\n" not in body


async def test_answers_keep_one_connection_in_use(registry: Registry) -> None:
    async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)

    async with aircall(again) as (gateway, heard):
        for _ in range(2):
            await gateway.send(reading(registry), Caller())
        assert len(heard) == 1


async def test_what_must_not_be_repeated_goes_over_a_connection_of_its_own(
    registry: Registry,
) -> None:
    connections: list[list[bytes]] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        connections.append(mine)
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                mine.append(head.split(b" ")[0])
                writer.write(GOOD)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    gateway = OwnGateway(base_url=base_url, auth=auth_for(base_url, KEY))
    for bound in (reading, calling, calling, reading, calling, writing):
        await gateway.send(bound(registry), Caller())
    await gateway.aclose()
    server.close()
    await server.wait_closed()
    assert connections == [[b"GET", b"GET", b"PUT"], [b"POST"], [b"POST"], [b"POST"]]


@pytest.mark.parametrize("beyond", [0, 1])
async def test_the_bound_is_on_the_sum_of_what_comes_in_pieces(
    registry: Registry, beyond: int
) -> None:
    pieces = [b"{}" + b" " * 8_190] + [b" " * 8_192] * (LARGEST_ANSWER // 8_192 - 1)
    pieces += [b" " * beyond] if beyond else []
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with aircall(saying(head + chunks + b"0\r\n\r\n")) as (gateway, heard):
        if beyond:
            assert "over 5 MB" in (await failure(gateway, reading(registry))).message
        else:
            assert (await gateway.send(reading(registry), Caller())).body == {}
        assert len(heard) == 1


# One deadline


Between = Callable[[int], None]


def after(between: Between, *answers: tuple[int, Any]) -> tuple[App, list[str]]:
    """An Aircall that gives these answers in turn, `between` before each; after them, none."""
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["method"])
        between(len(asked))
        if len(asked) > len(answers):
            await asyncio.Event().wait()
        await answering(*answers[len(asked) - 1])[0](scope, receive, send)

    return app, asked


@pytest.mark.parametrize(("deadline", "attempts"), [(10.0, 1), (15.0, 2), (20.5, 3)])
@pytest.mark.parametrize("slow", ["pauses", "answers"])
async def test_a_deadline_is_one_for_all_attempts_and_pauses(
    registry: Registry, deadline: float, attempts: int, slow: str
) -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.pass_by(seconds)

    def between(_count: int) -> None:
        clock.pass_by(0.0 if slow == "pauses" else 10.0)

    retries = Retries(first=10.0 if slow == "pauses" else 0.0, longest=10.0, random=lambda: 1.0)
    app, asked = after(between, *[(503, None)] * 9)
    gateway = gateway_to(app, clock=clock, sleep=sleep, retries=retries)
    error = await failure(gateway, reading(registry), Caller(deadline=deadline))
    assert isinstance(error, Refused)
    assert len(asked) == attempts


async def test_a_later_attempt_has_what_the_earlier_ones_left(registry: Registry) -> None:
    clock = Clock()
    app, asked = after(lambda _count: clock.pass_by(29.95), (503, None))
    gateway = gateway_to(app, clock=clock, retries=Retries(first=0.0))
    async with asyncio.timeout(10):
        error = await failure(gateway, reading(registry), Caller(deadline=30.0))
    assert "took too long" in error.message
    assert len(asked) == 2


async def test_a_later_attempt_waits_for_its_turn_no_longer_than_that(registry: Registry) -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.pass_by(seconds)

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 1

    app, asked = after(lambda _count: None, (503, None), (200, {"company": {}}))
    budget = Budget(
        lambda: InMemory(MIGRATIONS), longest_wait=10 * WINDOW, clock=clock, sleep=sleep
    )
    gateway = gateway_to(
        app, clock=clock, sleep=sleep, budget=budget, company=company, retries=Retries(first=0.0)
    )
    error = await failure(gateway, reading(registry), Caller(deadline=WINDOW - 1))
    assert isinstance(error, BudgetExhausted)
    assert len(asked) == 1


# Slots


async def company_of_two(_account: str | None) -> tuple[str, int]:
    return "company", 2


async def left_in(budget: Budget) -> int:
    """How many requests the company of two has left."""
    for count in range(3):
        try:
            await budget.slot(Share("company", 2), hold=25, patience=0)
        except BudgetExhausted:
            return count
    raise AssertionError("more than there are")


async def test_an_attempt_that_found_nobody_takes_no_slot(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (nobody, _):
        pass
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    gateway = OwnGateway(
        base_url=nobody.base_url, auth=auth_for(nobody.base_url, KEY),
        budget=budget, company=company_of_two, retries=Retries(first=0.0),
        breakers=Breakers(lambda: Breaker(failures=99)),
    )  # fmt: skip
    for bound in (reading, writing, calling):
        with pytest.raises(Unreachable):
            await gateway.send(bound(registry), Caller())
    assert await left_in(budget) == 2
    await gateway.aclose()


async def test_nor_does_one_that_found_nobody_after_one_that_was_sent(registry: Registry) -> None:
    came: list[bytes] = []

    async def last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        server.close()  # from now on nobody listens
        writer.close()

    server = await asyncio.start_server(last, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    gateway = OwnGateway(
        base_url=base_url, auth=auth_for(base_url, KEY),
        budget=budget, company=company_of_two, retries=Retries(first=0.0),
    )  # fmt: skip
    with pytest.raises(Unreachable):
        await gateway.send(reading(registry), Caller())
    assert len(came) == 1
    assert await left_in(budget) == 1
    await gateway.aclose()


async def test_nor_does_an_effect_that_the_journal_holds_back(registry: Registry) -> None:
    app, asked = answering(204)
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    gateway = gateway_to(app, budget=budget, company=company_of_two, journal=journal)
    await gateway.send(calling(registry), Caller())
    for _ in range(3):
        with pytest.raises(Duplicate):
            await gateway.send(calling(registry), Caller())
    assert len(asked) == 1
    assert await left_in(budget) == 1
    await gateway.aclose()


# The breaker


async def test_one_probe_after_a_rest_finds_out_whether_aircall_is_well_again(
    registry: Registry,
) -> None:
    clock = Clock()
    ill: tuple[int, Any] = (500, {"message": "Internal Server Error"})
    well: tuple[int, Any] = (200, {"company": {}})
    app, asked = after(lambda _count: None, *[ill] * 6, *[well] * 2)
    gateway = gateway_to(app, clock=clock)
    for _ in range(5):  # a 500 is an answer, and no sign of health
        with pytest.raises(Refused):
            await gateway.send(reading(registry), Caller())
    for found in (Refused, None):
        with pytest.raises(Unreachable):
            await gateway.send(reading(registry), Caller())
        clock.pass_by(30)
        if found:
            with pytest.raises(found):
                await gateway.send(reading(registry), Caller())
        else:
            await gateway.send(reading(registry), Caller())
    await gateway.send(reading(registry), Caller())
    assert len(asked) == 8
    await gateway.aclose()


async def test_what_a_gateway_was_handed_is_closed_by_whoever_opened_it(
    registry: Registry,
) -> None:
    """It lets go of its connections alone: budget and journal go on for the next one."""
    app, asked = answering(204)
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    auth = auth_for(AIRCALL, KEY)
    for refused in (None, Duplicate):
        gateway = Gateway(
            base_url=AIRCALL, auth=auth, company=company_of_two, budget=budget, journal=journal,
            transport=httpx2.ASGITransport(app=app),
        )  # fmt: skip
        with pytest.raises(refused) if refused else nullcontext():
            await gateway.send(calling(registry), Caller())
        await gateway.aclose()
    assert len(asked) == 1
    assert await left_in(budget) == 1
    await budget.aclose()
    journal.close()
    await auth.aclose()
