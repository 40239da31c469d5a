"""Two companies behind one server, and an Aircall that tries to have them mixed up.

It sets cookies with every answer, large ones and unreadable ones, answers in no order, and tells
each company who it is: what one is told, or what is written for it, never reaches the other.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.ground.secrets import Secret

from ..processes import Spoken, spoken
from ..served import served
from ..vaults import vault_at

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(1200)]

COMPANIES = ("lyon", "paris")
AT_ONCE = 40
PACE = 100_000


class TwoFaced:
    """An Aircall that knows who asks by the key alone, and says so in every answer."""

    def __init__(self) -> None:
        self.cookies: list[bytes] = []
        self.arrived: Counter[tuple[str, str, str]] = Counter()
        self._chance = random.Random(14)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        headers = dict(scope["headers"])
        self.cookies += [value for name, value in scope["headers"] if name == b"cookie"]
        who = base64.b64decode(headers[b"authorization"].split()[1]).decode().partition(":")[0]
        said = json.loads(body)["name"] if body else ""
        self.arrived[who, f"{scope['method']} {scope['path']}", said] += 1
        for _ in range(self._chance.randrange(6)):  # nobody is answered in the order of coming
            await asyncio.sleep(0)
        tag = {"id": 7, "name": f"{who} {said or scope['path'].rpartition('/')[2]}"}
        jar = [
            (b"set-cookie", b"session=%b; Path=/" % who.encode()),
            (b"set-cookie", b"big=" + b"x" * 3000), (b"set-cookie", b"odd=caf\xe9\xff; Path=/"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"application/json"), *jar]})  # fmt: skip
        await send({"type": "http.response.body", "body": json.dumps({"tag": tag}).encode()})


def two_companies(home: Path) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    accounts = Accounts(vault)
    for name in COMPANIES:
        key = ApiKey(api_id=Secret(name), api_token=Secret(f"a token of {name} alone"))
        accounts.add(Account(name=name, host="127.0.0.1", credential=key, requests_per_minute=PACE))
    vault.close()


async def all_of(server: Spoken, asked: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """The answers of calls that are all under way at once, in the order of asking."""
    numbers = [
        await server.post("tools/call", {"name": tool, "arguments": arguments})
        for tool, arguments in asked
    ]
    answers: dict[int, Any] = {}
    while len(answers) < len(numbers):
        heard = await server.hear()
        if heard.get("id") in numbers:
            answers[heard["id"]] = heard["result"]["structuredContent"]
    return [answers[number] for number in numbers]


def calls_of(names: tuple[str, ...], first: int, last: int) -> list[tuple[str, dict[str, Any]]]:
    """For each number a read of each company, and every third time the same write for both."""
    made: list[tuple[str, dict[str, Any]]] = []
    for number in range(first, last):
        for name in names:
            made.append(("aircall_get_tag", {"tag_id": number, "account": name}))
            if number % 3 == 0:
                tag = {"name": f"new {number}", "color": "#123456", "account": name}
                made.append(("aircall_create_tag", tag))
    return made


async def test_nothing_of_one_company_reaches_the_other(home: Path, full: bool) -> None:
    two_companies(home)
    there, last = TwoFaced(), 2001 if full else 41
    crossed = 0
    with served(there) as url:
        known = {"AIRCALL_MCP_BASE_URL": url, "AIRCALL_MCP_REQUESTS_PER_MINUTE": str(PACE)}
        async with spoken(**known) as server:
            for first in range(1, last, AT_ONCE // 2):
                asked = calls_of(COMPANIES, first, min(first + AT_ONCE // 2, last))
                for (_, arguments), said in zip(asked, await all_of(server, asked), strict=True):
                    wanted = arguments.get("name", arguments.get("tag_id"))
                    named = said["data"]["tag"]["name"]
                    crossed += named != f"{arguments['account']} {wanted}"
    assert crossed == 0
    assert there.cookies == []
    writes = range(3, last, 3)
    tags = {one: times for one, times in there.arrived.items() if "/v1/tags" in one[1]}
    assert tags == {  # the server may have polled for calls beside that, each company's by its key
        **{(who, f"GET /v1/tags/{n}", ""): 1 for n in range(1, last) for who in COMPANIES},
        **{(who, "POST /v1/tags", f"new {n}"): 1 for n in writes for who in COMPANIES},
    }
    print(f"companies: {there.arrived.total()} arrived, 0 crossed, 0 cookies")
