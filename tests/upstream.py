"""A sandbox on a real port with a faulty proxy before it, and gateways that know only the proxy."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from aircall_mcp import spec
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground.operation import Bound
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.state import durable, until_reboot

from .harness import OwnGateway, auth_for, sandbox_with
from .proxy import Proxy, asked

REGISTRY = Registry.of(spec.load())


class Upstream:
    """`sandbox` is what arrived at the end, `proxy` what happens on the way to it."""

    def __init__(self, sandbox: Sandbox, proxy: Proxy, port: int) -> None:
        self.sandbox = sandbox
        self.proxy = proxy
        self.port = port

    def arrivals(self, operation: str = "") -> int:
        """How many requests came in, by the sandbox's own record."""
        arrived = Counter(one.operation for one in self.sandbox.arrivals)
        return arrived[operation] if operation else arrived.total()

    def performed(self, operation: str) -> int:
        """How many of them were done: answered with success, whoever heard of it."""
        return sum(
            one.operation == operation and one.performed and (one.status or 204) < 300
            for one in self.sandbox.arrivals
        )

    def dial(self, to: str = "+33199001234", first_name: str = "Ana") -> Bound:
        user = next(u for u in self.sandbox.world.users.values() if u.first_name == first_name)
        number = next(n for n in self.sandbox.world.numbers.values() if user.id in n.users)
        return bound("start_outbound_call", user_id=user.id, number_id=number.id, to=to)


def bound(name: str, /, **arguments: Any) -> Bound:
    return REGISTRY.ids[name].bind(arguments)


def gateway(base_url: str, home: Path | None = None, **more: Any) -> OwnGateway:
    """A gateway to `base_url`, signed with the sandbox's key; what it shares lies in `home`."""
    if home is not None:
        more.setdefault(
            "budget", Budget(lambda: until_reboot(home, "state", budgets.MIGRATIONS, "b1"))
        )
        more.setdefault(
            "journal", Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        )
    more.setdefault("retries", Retries(first=0.0))
    auth = auth_for(base_url, ("sandbox-api-id", "sandbox-api-token"))
    return OwnGateway(base_url=base_url, auth=auth, operations=REGISTRY.ids, **more)


@asynccontextmanager
async def upstream(**choices: Any) -> AsyncGenerator[Upstream]:
    """Listens on real ports while it is entered."""
    choices.setdefault("requests_per_minute", None)
    sandbox = sandbox_with(**choices)
    config = uvicorn.Config(sandbox, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)  # from here on nobody is turned away
        port = listening.getsockname()[1]
        serving = asyncio.ensure_future(server.serve([listening]))
        try:
            async with Proxy(port) as proxy:
                yield Upstream(sandbox, proxy, port)
        finally:
            server.should_exit = server.force_exit = True
            await serving


@asynccontextmanager
async def nearby(**choices: Any) -> AsyncGenerator[Upstream]:
    """The same with no server between proxy and sandbox. Who gives it another `sandbox` has a world
    as it was in the beginning."""

    async def behind(request: bytes) -> bytes:
        return await asked(up.sandbox, request)

    choices.setdefault("requests_per_minute", None)
    async with Proxy(behind) as proxy:
        up = Upstream(sandbox_with(**choices), proxy, 0)
        yield up
