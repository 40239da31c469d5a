"""The company's numbers as a person names them: by id, by name, or as they are dialled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..errors import ArgumentError, ToolError, quoted
from ..ground.nearest import nearest
from ..ground.phones import reached
from . import options

MOST = 500


def ids_of(given: Sequence[str], account: str | None, *, sandbox: bool) -> tuple[int, ...]:
    """The ids that are meant. Aircall is asked only where one is not an id already. A name must be
    whole, since what is allowed to a number is not allowed to one that is called alike.

    Raises `ArgumentError` with the nearest, and what the gateway raises.
    """
    if all(_is_id(one) for one in given):
        return tuple(map(int, given))
    rows = _listed(account, sandbox=sandbox)
    return tuple(int(one) if _is_id(one) else _one(one, rows) for one in given)


def _is_id(given: str) -> bool:
    return given.isascii() and given.isdigit()


def _one(said: str, rows: Sequence[Mapping[str, Any]]) -> int:
    dialled, wanted = reached(said), said.strip().casefold()
    found = [row for row in rows if reached(str(row.get("digits"))) == dialled]
    found = found or [row for row in rows if str(row.get("name")).casefold() == wanted]
    if len(found) == 1 and isinstance(found[0].get("id"), int):
        return int(found[0]["id"])
    names = [str(row.get("name")) for row in rows]
    several = ", ".join(f"{row.get('name')} ({row.get('id')})" for row in found)
    raise ArgumentError(
        f"`{quoted(said)}` is {'several' if found else 'none'} of your numbers.",
        hint=f"Give the id: {several}."
        if found
        else nearest(said, names) or "`aircall-mcp run list_numbers` lists them with their ids.",
    )


def _listed(account: str | None, *, sandbox: bool) -> Sequence[Mapping[str, Any]]:
    import anyio

    from ..ground.caller import Caller

    async def read() -> Sequence[Mapping[str, Any]]:
        async with options.app(sandbox=sandbox or None) as app:
            asked = {"max_items": MOST}
            caller = Caller(interface="cli", account=account)
            outcome = await app.desk.call("aircall_list_numbers", asked, caller)
        if outcome.is_error:
            error = outcome.payload["error"]
            raise ToolError(error["message"], hint=error.get("hint", ""))
        return cast("Sequence[Mapping[str, Any]]", outcome.payload["data"]["numbers"])

    return anyio.run(read)
