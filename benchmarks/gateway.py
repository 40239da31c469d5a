"""What the gateway costs over a bare request, and how fast it reads a lot within the limit.

    python benchmarks/gateway.py [--full]

The upstream is the project's own sandbox in this process, on loopback, behind plain HTTP. The bare
request is one of `httpx2` with a client of the same settings, turn by turn with ours. With `--full`
5,000 calls are fetched at 60 requests a minute, which takes minutes; else at 60 in six seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import uvicorn

from aircall_mcp import spec
from aircall_mcp.accounts import Account, Accounts, ApiKey, Memory
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import Alone
from aircall_mcp.storage.state import boot, durable, until_reboot

READS, EFFECTS = 1_500, 100
CALLS, PAGE, LIMIT = 5_000, 50, 60
OPERATIONS = Registry.of(spec.load()).ids


@asynccontextmanager
async def sandbox_at(sandbox: Sandbox) -> AsyncGenerator[str]:
    config = uvicorn.Config(sandbox, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        serving = asyncio.ensure_future(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@asynccontextmanager
async def gateway_at(
    base_url: str, home: Path, *, limit: int, window: float = 60.0
) -> AsyncGenerator[Gateway]:
    accounts = Accounts(Memory())
    key = ApiKey(api_id=Secret("sandbox-api-id"), api_token=Secret("sandbox-api-token"))
    accounts.add(Account(name="a", host="127.0.0.1", credential=key, requests_per_minute=limit))
    auth = Auth(accounts, latch=lambda _: Alone())
    budget = Budget(
        lambda: until_reboot(home, "state", budgets.MIGRATIONS, boot()),
        window=window,
        longest_wait=2 * window,
    )
    journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS), boot=boot)
    ours = Gateway(
        base_url=base_url,
        auth=auth,
        company=auth.company,
        budget=budget,
        journal=journal,
        operations=OPERATIONS,
    )
    try:
        yield ours
    finally:
        await ours.aclose()
        await budget.aclose()
        journal.close()


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1_000


async def overhead(home: Path) -> None:
    async with sandbox_at(Sandbox(spec.document(), requests_per_minute=None)) as base_url:
        bare_client = httpx2.AsyncClient(
            auth=("sandbox-api-id", "sandbox-api-token"), trust_env=False
        )
        async with gateway_at(base_url, home, limit=100_000) as ours, bare_client as bare:
            ping = OPERATIONS["ping"].bind({})
            pairs: list[tuple[float, float]] = []
            for turn in range(READS):
                floor = await timed(lambda: bare.get(f"{base_url}/v1/ping"))
                mine = await timed(lambda: ours.send(ping, Caller()))
                if turn >= READS // 10:
                    pairs.append((floor, mine))
            tell("read", pairs, "≤ 0.5 ms over")
            pairs = []
            for turn in range(EFFECTS):
                body = {"name": f"bare {turn}", "color": "#123456"}
                tag = OPERATIONS["create_tag"].bind({**body, "name": f"ours {turn}"})
                floor = await timed(lambda body=body: bare.post(f"{base_url}/v1/tags", json=body))
                mine = await timed(lambda tag=tag: ours.send(tag, Caller()))
                pairs.append((floor, mine))
            tell("effect, three durable commits", pairs, "")


def tell(what: str, pairs: list[tuple[float, float]], aim: str) -> None:
    floors, mine = ([pair[side] for pair in pairs] for side in (0, 1))
    over = statistics.median(ours - floor for floor, ours in pairs)
    bare, with_us = statistics.median(floors), statistics.median(mine)
    print(f"{what}: bare p50 {bare:.2f} ms, ours {with_us:.2f} ms, over {over:.2f} ms {aim}")


async def much(home: Path, *, window: float) -> None:
    """5,000 calls are a hundred pages; bulk reading may use 48 of 60 requests in a window."""
    async with sandbox_at(
        Sandbox(spec.document(), data="large", requests_per_minute=None)
    ) as base_url:
        bound = OPERATIONS["list_calls"].bind({"max_items": CALLS})
        async with gateway_at(base_url, home, limit=LIMIT, window=window) as ours:
            began = time.perf_counter()
            got = await ours.read(bound, Caller(deadline=120, watched=True))
            taken = time.perf_counter() - began
        pages, bulk = CALLS // PAGE, int(LIMIT * budgets.BULK_SHARE)
        ideal = (pages - 1) // bulk * window
        assert got.page
        print(
            f"{got.page.returned} calls at {LIMIT} requests in {window:g} s (bulk: {bulk}):"
            f" {taken:.1f} s of {ideal:.1f} s ideal, {ideal / taken:.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the true 60 seconds")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(overhead(Path(home) / "overhead"))
        asyncio.run(much(Path(home) / "much", window=60.0 if full else 6.0))


if __name__ == "__main__":
    main()
