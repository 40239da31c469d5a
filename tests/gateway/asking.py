"""Requests of the three kinds, an Aircall that answers in turn, and what is left of an error."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from aircall_mcp.errors import (
    AircallMCPError,
    Refused,
    ToolError,
)
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.offer import Registry

from ..canaries import CANARIES
from ..harness import App, OwnGateway, answering, gateway_to

KEY = (CANARIES["api id"], CANARIES["api token"])
BASIC = base64.b64encode(":".join(KEY).encode()).decode()


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
