"""Two companies through one process, call by call: what one is told is never the other's."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.app import App, open_app
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.operation import EVERYTHING
from aircall_mcp.ground.secrets import Secret

from ..contracts.test_state import ALL, KEYED, named
from ..served import served
from ..state import in_process
from ..vaults import vault_at

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

COMPANIES = ("acme", "globex")
ZONES = {"acme": "Asia/Tokyo", "globex": "America/New_York"}
NINE = {"acme": 1_795_046_400, "globex": 1_795_096_800}
"""Nine o'clock of 2026-11-19 in these zones, in UNIX seconds."""
MANY = 130
"""Tags of each company: three pages."""


class Both:
    """An Aircall of two companies, whose ids are even and odd. Counts what arrived where, and what
    of it was the other's."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.crossed: list[str] = []
        self.down: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        sent = dict(scope["headers"])[b"authorization"].decode()
        who = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")[0]
        path, query = scope["path"], parse_qs(scope["query_string"].decode())
        self.arrived[who] += 1
        said = f"{path} {query} {body.decode()}"
        (other,) = set(COMPANIES) - {who}
        last = path.rpartition("/")[2]
        astray = last.isdigit() and int(last) % 2 != COMPANIES.index(who)
        since = query.get("from")
        if astray or other in said or (since is not None and since != [str(NINE[who])]):
            self.crossed.append(f"{who}: {said}")
        status = 503 if who in self.down else 200
        content: Any = None if status == 503 else self.answer(who, path, query, last)
        for _ in range(sum(self.arrived.values()) % 5):  # in no order
            await asyncio.sleep(0)
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": kind})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})

    def answer(self, who: str, path: str, query: dict[str, list[str]], last: str) -> Any:
        if path.startswith("/v2/users"):
            user = {"id": 2 + COMPANIES.index(who), "name": who, "time_zone": ZONES[who]}
            return {"users": [user], "meta": {}}
        if path == "/v1/calls":
            call = {"id": 2 + COMPANIES.index(who), "raw_digits": who, "status": "done"}
            return {"calls": [call], "meta": {"total": 1, "next_page_link": None}}
        if path == "/v1/company":
            return {"company": {"name": who, "users_count": 1, "numbers_count": 1}}
        if path == "/v1/tags" and query:
            page, size = int(query.get("page", ["1"])[0]), 50
            begin = (page - 1) * size
            tags = [tag(who, n) for n in range(begin, min(begin + size, MANY))]
            more = "https://api.aircall.io/v1/tags" if begin + size < MANY else None
            return {"tags": tags, "meta": {"total": MANY, "next_page_link": more}}
        return {"tag": tag(who, int(last) // 2 if last.isdigit() else 0)}


def tag(who: str, number: int) -> dict[str, Any]:
    # Long enough that an answer holds less than a page, and what is left waits for the next call.
    return {"id": 2 + 2 * number + COMPANIES.index(who), "name": f"{who} " * 60, "color": "#00B388"}


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[Both, str]]:
    both = Both()
    with served(both) as url:
        yield both, url


def opened(home: Path, url: str) -> App:
    with closing(vault_at(home, {})) as vault:
        vault.create("file")
        accounts = Accounts(vault)
        for name in COMPANIES:
            key = ApiKey(api_id=Secret(name), api_token=Secret(f"token-of-{name}"))
            accounts.add(
                Account(name=name, host="127.0.0.1", credential=key, requests_per_minute=100_000)
            )
    flags = {"base_url": url, "allow": tuple(EVERYTHING), "requests_per_minute": 100_000}
    environment = {"AIRCALL_MCP_HOME": str(home)}
    return open_app(settings_from(flags, environment), environment)


async def call(app: App, who: str, number: int, chance: random.Random) -> tuple[str, Any]:
    """One call of a company, in one of the ways there are; the tool and what came of it."""
    side = COMPANIES.index(who)
    tool, arguments = chance.choice(
        [
            ("get_tag", {"tag_id": 2 + 2 * (number % 40) + side}),
            ("get_tag", {"tag_id": 2 + 2 * number + side}),
            ("list_tags", {"per_page": 50}),
            ("list_tags", {"max_items": 120}),
            ("create_tag", {"name": f"{who}-{number}", "color": "#00B388"}),
            ("update_tag", {"tag_id": 2 + 2 * number + side, "name": f"{who}-{number}"}),
            ("list_calls", {"from": "2026-11-19T09:00:00"}),
            ("get_company", {}),
        ]
    )
    by_argument = chance.random() < 0.5
    caller = Caller(account=None if by_argument else who)
    named = {"account": who} if by_argument else {}
    outcome = await app.desk.call(f"aircall_{tool}", {**arguments, **named}, caller)
    onward = outcome.payload.get("page", {}).get("next")
    if tool == "list_tags" and onward and not outcome.is_error:
        rest = await app.desk.call("aircall_list_tags", {**onward, **named}, caller)
        return tool, [outcome.payload, rest.payload]
    return tool, [outcome.payload]


async def test_nothing_of_one_company_reaches_the_other(
    home: Path, there: tuple[Both, str], full: bool
) -> None:
    (both, url), many = there, 2_000 if full else 60
    chance = random.Random(14)
    async with opened(home, url) as app:
        whole = [(who, number) for number in range(many) for who in COMPANIES]
        await app.desk.call("aircall_get_company", {"account": "acme"}, Caller())
        before = sizes(app)  # with all that is opened once
        crossed, told = list[str](), Counter[str]()
        for begin in range(0, len(whole), 100):
            batch = whole[begin : begin + 100]
            work = (call(app, who, number, chance) for who, number in batch)
            for (who, _), (tool, payloads) in zip(batch, await asyncio.gather(*work), strict=True):
                (other,) = set(COMPANIES) - {who}
                said = json.dumps(payloads)
                crossed += [f"{who}: {said[:200]}"] if other in said else []
                assert "error" not in payloads[0], (tool, payloads)
                assert who in said
                told[tool] += 1
        assert (crossed, both.crossed) == ([], [])
        assert told.total() == 2 * many
        assert min(both.arrived[who] for who in COMPANIES) > many / 2
        after = sizes(app).items()
        grown = {name.rpartition(".")[0] for name, size in after if size != before.get(name)}
        assert grown <= {one for table in ALL for one in table}
        held = in_process(app)
        kept = [(name, key) for name in named(KEYED) & held.keys() for box in held[name]
                for key in box]  # fmt: skip
        companies = {name: (await app.auth.company(name))[0] for name in COMPANIES}
        assert len({name for name, _ in kept}) >= 4
        for name, key in kept:
            whose = {one for one in COMPANIES if companies[one] in str(key) or one in str(key)}
            assert len(whose) == 1, (name, key)
    print(f"interleaved: 2 x {many} calls, {both.arrived} arrived, 0 crossed")


async def test_one_that_is_down_does_not_shut_out_the_other(
    home: Path, there: tuple[Both, str]
) -> None:
    both, url = there
    both.down, before = {"globex"}, both.arrived["acme"]
    chance = random.Random(15)
    async with opened(home, url) as app:
        for number in range(8):  # more failures in a row than the breaker bears
            await app.desk.call(
                "aircall_get_tag", {"tag_id": 3 + 2 * number, "account": "globex"}, Caller()
            )
        answers = [await call(app, "acme", number, chance) for number in range(10)]
        refused = await app.desk.call("aircall_get_company", {"account": "globex"}, Caller())
    both.down = set()
    assert refused.is_error
    assert "nothing was sent" in json.dumps(refused.payload)
    assert ["error" in payloads[0] for _, payloads in answers] == [False] * 10
    assert both.arrived["acme"] > before
    assert both.crossed == []


def sizes(app: App) -> dict[str, int]:
    return {name: sum(map(len, boxes)) for name, boxes in in_process(app).items()}
