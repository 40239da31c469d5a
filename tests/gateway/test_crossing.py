"""Nothing of one account reaches another: no cookie, no fault, no notice, no broken header.

The upstream is a raw socket, since a server of a library would not send what is sent here.
"""

from __future__ import annotations

import ast
import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import aircall_mcp
from aircall_mcp.accounts import Account, Accounts, ApiKey, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.accounts.oauth import TokenRequest
from aircall_mcp.accounts.token_url import send
from aircall_mcp.errors import ToolError
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.ledger import MIGRATIONS
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground import clients
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Registry
from aircall_mcp.storage.lock import Alone
from aircall_mcp.storage.state import InMemory

from ..harness import OwnGateway

pytestmark = pytest.mark.anyio

BODY = b'{"ping":"pong"}'
Answers = Callable[[bytes], bytes]


def answer(headers: bytes = b"", *, status: bytes = b"200 OK", body: bytes = BODY) -> bytes:
    length = b"" if b"content-length" in headers.lower() else b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + headers + b"\r\n" + body


class Raw:
    """An upstream that sends any bytes; `asked` holds what arrived."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.answers: Answers = lambda _: answer()
        self.base_url = ""
        self.serving: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head)
                writer.write(self.answers(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has what it wanted
        finally:
            writer.transport.abort()


@asynccontextmanager
async def raw() -> AsyncGenerator[Raw]:
    there = Raw()
    server = await asyncio.start_server(there.take, "127.0.0.1", 0)
    there.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield there
    finally:
        server.close()
        for one in there.serving:
            one.cancel()
        await asyncio.gather(*there.serving, return_exceptions=True)


def gateway_at(there: Raw, *, requests_per_minute: int = 60) -> OwnGateway:
    accounts = Accounts(Memory())
    for name in ("lyon", "paris"):
        key = ApiKey(api_id=Secret(f"id of {name}"), api_token=Secret(f"token of {name}"))
        accounts.add(
            Account(
                name=name,
                host="127.0.0.1",
                credential=key,
                requests_per_minute=requests_per_minute,
            )
        )
    auth = Auth(accounts, latch=lambda _: Alone())
    return OwnGateway(
        base_url=there.base_url,
        auth=auth,
        company=auth.company,
        budget=Budget(lambda: InMemory(MIGRATIONS)),
        retries=Retries(first=0.0),
    )


async def ping(gateway: OwnGateway, registry: Registry, account: str) -> str:
    """`answered`, or the kind of the error."""
    bound = registry.ids["ping"].bind({})
    try:
        await gateway.send(bound, Caller(account=account))
    except ToolError as error:
        return error.kind
    return "answered"


async def test_no_cookie_goes_out_with_anybodys_request(registry: Registry) -> None:
    async with raw() as there:
        gateway = gateway_at(there)
        there.answers = lambda _: answer(
            b"Set-Cookie: session=lyon; Path=/\r\nSet-Cookie: big=" + b"x" * 3500 + b"\r\n"
        )
        for account in ("lyon", "lyon", "paris") * 20:
            assert await ping(gateway, registry, account) == "answered"
        assert len(there.asked) == 60
        assert not [head for head in there.asked if b"cookie" in head.lower()]
        await gateway.aclose()


async def test_the_client_of_the_token_url_keeps_no_cookie_either() -> None:
    async with raw() as there, clients.client() as client:
        there.answers = lambda _: answer(b"Set-Cookie: a=\xc3\xa9\r\n")
        for _ in range(2):
            assert (await client.get(there.base_url)).status_code == 200
        request = TokenRequest(there.base_url, b"", {"Content-Type": "text/plain"})
        assert (await send(request, clients.client, patience=5))[0] == 200
        assert len(there.asked) == 3
        assert not [head for head in there.asked if b"cookie" in head.lower()]
        client.cookies.set("a", "b")
        assert (await client.get(there.base_url)).status_code == 200
        assert b"cookie" not in there.asked[-1].lower()


HOSTILE = [
    b"Set-Cookie: name=caf\xe9; Path=/",
    b"Set-Cookie: name=caf\xc3\xa9; Path=/",
    b"Set-Cookie: \xff\xfe=\x80",
    b"Set-Cookie: a=b; expires=\xe9; max-age=\xb2",
    b"Set-Cookie2: a=\xe9",
    b"Content-Type: application/json; charset=\xe9",
    b"Content-Type: \xff",
    b"Content-Encoding: \xe9",
    b"Content-Encoding: gzip",
    b"Content-Length: \xb2",
    b"Content-Length: " + b"9" * 5000,
    b"Date: \xe9",
    b"Date: Thu, 99 Nov 99999999999999999999 99:99:99 GMT",
    b"Date: Thu, 26 Nov 2026 10:00:00 +99999999999",
    b"Retry-After: \xb2",
    b"Retry-After: " + b"9" * 5000,
    b"X-AircallApi-Limit: \xb2",
    b"X-AircallApi-Limit: 1e400",
    b"X-AircallApi-Remaining: \xe9",
    b"X-AircallApi-Remaining: -1e300",
    b"X-AircallApi-Reset: \xd9\xa1",
    b"X-AircallApi-Reset: 1e300",
    b"Location: \xe9",
    b"\xe9: a",
    b"X-Any: \x00",
    b"X-Any: " + b"\xff" * 8000,
]


@pytest.mark.parametrize("header", HOSTILE, ids=lambda header: repr(header)[2:50])
@pytest.mark.parametrize("status", [b"200 OK", b"429 Slow", b"503 \xe9", b"302 Away", b"401 No"])
async def test_a_header_that_cannot_be_read_spoils_one_answer_at_most(
    registry: Registry, header: bytes, status: bytes
) -> None:
    async with raw() as there:
        gateway = gateway_at(there)
        there.answers = lambda _: answer(header + b"\r\n", status=status)
        patient = Caller(account="lyon", deadline=2, patience=0.0)
        with suppress(ToolError):  # in words, and never a bug
            await gateway.send(registry.ids["ping"].bind({}), patient)
        assert there.asked
        there.answers = lambda _: answer()
        before = len(there.asked)
        assert await ping(gateway, registry, "paris") == "answered"
        assert len(there.asked) == before + 1
        # And the account itself, but where it was told to wait.
        if status != b"429 Slow":
            assert await ping(gateway, registry, "lyon") == "answered"
        await gateway.aclose()


async def test_an_account_that_gets_no_answers_shuts_out_nobody_else(registry: Registry) -> None:
    async with raw() as there:
        gateway = gateway_at(there)

        def answers(head: bytes) -> bytes:
            return answer(status=b"500 Fault") if mine("lyon", head) else answer()

        there.answers = answers
        for _ in range(5):
            assert await ping(gateway, registry, "lyon") == "refused"
        assert len(there.asked) == 5
        assert await ping(gateway, registry, "lyon") == "unreachable"
        assert len(there.asked) == 5
        for _ in range(5):
            assert await ping(gateway, registry, "paris") == "answered"
        assert len(there.asked) == 10
        assert await ping(gateway, registry, "lyon") == "unreachable"
        assert len(there.asked) == 10
        await gateway.aclose()


def mine(name: str, head: bytes) -> bool:
    pair = base64.b64encode(f"id of {name}:token of {name}".encode())
    return pair in head


async def test_an_account_whose_requests_are_used_up_takes_none_of_anothers(
    registry: Registry,
) -> None:
    async with raw() as there:
        gateway = gateway_at(there, requests_per_minute=2)
        for name in ("lyon", "paris"):
            for _ in range(2):
                assert await ping(gateway, registry, name) == "answered"
            assert await ping(gateway, registry, name) == "budget"
        assert len(there.asked) == 4
        await gateway.aclose()


async def test_an_account_that_is_to_pause_lets_another_go_on(registry: Registry) -> None:
    async with raw() as there:
        gateway = gateway_at(there)
        there.answers = lambda head: answer(status=b"429 Slow") if mine("lyon", head) else answer()
        for _ in range(2):
            assert await ping(gateway, registry, "lyon") == "budget"
        assert len(there.asked) == 1
        assert await ping(gateway, registry, "paris") == "answered"
        assert len(there.asked) == 2
        await gateway.aclose()


async def test_what_one_account_reads_another_does_not_get(registry: Registry) -> None:
    async with raw() as there:
        gateway = gateway_at(there)

        def answers(head: bytes) -> bytes:
            name = "lyon" if mine("lyon", head) else "paris"
            return answer(body=b'{"tags":[{"id":1,"name":"%s"}]}' % name.encode())

        there.answers = answers
        bound = registry.ids["list_tags"].bind({})
        assert bound.operation.keeps
        for _ in range(2):
            for name in ("lyon", "paris"):
                reply = await gateway.send(bound, Caller(account=name))
                assert reply.body["tags"][0]["name"] == name
        assert len(there.asked) == 2
        await gateway.aclose()


async def test_what_one_account_writes_is_forgotten_for_its_company_alone(
    registry: Registry,
) -> None:
    async with raw() as there:
        gateway = gateway_at(there)
        there.answers = lambda _: answer(body=b'{"tags":[],"tag":{"id":1}}')
        listing, change = registry.ids["list_tags"], registry.ids["update_tag"]
        for name in ("lyon", "paris"):
            await gateway.send(listing.bind({}), Caller(account=name))
        await gateway.send(change.bind({"tag_id": 1, "name": "a"}), Caller(account="lyon"))
        assert len(there.asked) == 3
        await gateway.send(listing.bind({}), Caller(account="paris"))
        assert len(there.asked) == 3
        await gateway.send(listing.bind({}), Caller(account="lyon"))
        assert len(there.asked) == 4
        await gateway.aclose()


async def test_an_account_with_another_key_is_another_company(registry: Registry) -> None:
    accounts = Accounts(Memory())
    auth = Auth(accounts, latch=lambda _: Alone())
    async with raw() as there:
        gateway = OwnGateway(base_url=there.base_url, auth=auth, company=auth.company)
        bound = registry.ids["list_tags"].bind({})
        for name in ("lyon", "paris"):
            there.answers = lambda _, name=name: answer(body=b'{"tags":["%b"]}' % name.encode())
            key = ApiKey(api_id=Secret(f"id of {name}"), api_token=Secret(f"token of {name}"))
            accounts.add(Account(name="ours", host="127.0.0.1", credential=key), replace=True)
            for _ in range(2):
                reply = await gateway.send(bound, Caller(account="ours"))
                assert reply.body == {"tags": [name]}
        assert len(there.asked) == 2
        await gateway.aclose()


async def test_two_accounts_of_one_company_do_not_share_a_refusal(registry: Registry) -> None:
    accounts = Accounts(Memory())
    for name, token in (("good", "right token"), ("bad", "wrong token")):
        key = ApiKey(api_id=Secret("the same id"), api_token=Secret(token))
        accounts.add(Account(name=name, host="127.0.0.1", credential=key))
    auth = Auth(accounts, latch=lambda _: Alone())
    async with raw() as there:

        def answers(head: bytes) -> bytes:
            right = base64.b64encode(b"the same id:right token") in head
            return answer() if right else answer(status=b"401 No", body=b'{"message":"Forbidden"}')

        there.answers = answers
        gateway = OwnGateway(base_url=there.base_url, auth=auth, company=auth.company)
        assert await asyncio.gather(*(ping(gateway, registry, n) for n in ("bad", "good"))) == [
            "refused", "answered",
        ]  # fmt: skip
        there.answers = answers
        bound = registry.ids["list_tags"].bind({})
        assert bound.operation.keeps
        await gateway.send(bound, Caller(account="good"))
        with pytest.raises(ToolError):  # what was kept for the good key is not for the bad one
            await gateway.send(bound, Caller(account="bad"))
        await gateway.aclose()


MAKERS = [
    f"httpx2.{name}" for name in ("AsyncClient", "Client", "get", "post", "request", "stream")
]


def test_there_is_one_place_where_clients_are_made() -> None:
    package = Path(aircall_mcp.__file__).parent
    makes = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS
    }
    assert makes == {"ground/clients.py"}
