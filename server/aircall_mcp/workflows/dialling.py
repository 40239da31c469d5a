"""One call, dialled once: found in the list of calls, even if the answer was lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..errors import Duplicate, OutcomeUnknown, Refused, ToolError
from ..gateway.journal import GUARD
from ..ground.caller import Caller
from .kit import Json, Kit, id_of, rows_of, text_of
from .listening import Listening

APPEARS = 15.0
"""Seconds in which a call that was placed is looked for in the list of calls."""
LONGER = 25.0
"""The same where the answer got lost, and only the list can tell whether it was placed."""
BACK = 86_400
"""Seconds that are looked back for calls to the same number, by whatever clock."""

Calls = Mapping[int, Json]
"""By id, newest first."""


@dataclass(frozen=True, slots=True)
class Line:
    """Who calls whom from what: the user and the number as Aircall lists them, and E.164."""

    user: Json
    number: Json
    to: str

    @property
    def name(self) -> str:
        return text_of(self.user.get("name"))


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that was placed, empty where Aircall does not list it yet; `note` says what is to be
    known of how."""

    call: Json
    note: str = ""


class Dialling:
    """See the module docstring. All raise what the gateway raises."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._listening = Listening(kit)

    async def calls(self, line: Line, caller: Caller) -> Calls:
        """The latest calls of the user to that number."""
        reply = await self._kit.asking(caller, fresh=True).ask(
            "search_calls",
            **{"from": int(self._kit.clock.wall()) - BACK},
            user_id=id_of(line.user), phone_number=line.to, direction="outbound",
            order="desc", per_page=50, fetch_contact=True,
        )  # fmt: skip
        return {one: row for row in rows_of(reply.body, "calls") if (one := id_of(row)) is not None}

    async def dial(self, line: Line, before: Calls, caller: Caller) -> Placed:
        """The call, placed now, or found to have been placed by the same wish a moment ago.
        `before` are the calls that were there. Raises where none was placed, or nobody knows."""
        ears = await self._listening.from_now(caller)
        try:
            await self._kit.asking(caller).ask(
                "start_outbound_call",
                user_id=id_of(line.user), number_id=id_of(line.number), to=line.to,
            )  # fmt: skip
        except Duplicate as error:
            call = self._earlier(before, ended=True)
            call = call or await self.fresh(line, before, APPEARS, ears, caller)
            if call is None:
                raise
            return Placed(call, f"It was not dialled again: {error.message}")
        except OutcomeUnknown as error:
            call = await self.fresh(line, before, LONGER, ears, caller)
            call = call or self._earlier(before, ended=False)
            if call is None:
                raise self._unknown(line, error) from None
            return Placed(call, "Aircall's answer got lost, but the call is there, dialled once.")
        except Refused as error:
            if error.status == 405:
                error.hint = f"{error.hint} {_NEEDED}".strip()
            raise
        call = await self.fresh(line, before, APPEARS, ears, caller)
        return Placed({}, _UNLISTED) if call is None else Placed(call)

    async def fresh(
        self,
        line: Line,
        before: Calls,
        patience: float,
        ears: Callable[[float], Awaitable[None]],
        caller: Caller,
    ) -> Json | None:
        """The call that was not there `before`, looked for as long as `patience` says."""
        clock = self._kit.clock
        until, pause = clock.monotonic() + patience, 0.5
        while True:
            calls: Calls = {}
            with suppress(ToolError):  # what could not be read tells nothing either way
                calls = await self.calls(line, caller)
            if found := sorted(calls.keys() - before.keys()):
                return calls[found[0]]
            left = until - clock.monotonic()
            if left <= 0:
                return None
            await caller.progress(patience - left, patience, "looking for the new call")
            await ears(min(pause, left))
            pause = min(pause * 2, 4.0)

    def _earlier(self, before: Calls, *, ended: bool) -> Json | None:
        """The call of a moment ago that the journal speaks of: the newest that was there, as long
        as it goes on, or `ended` as well."""
        newest = next(iter(before.values()), None)
        started = None if newest is None else newest.get("started_at")
        if not isinstance(started, int) or started < self._kit.clock.wall() - 2 * GUARD:
            return None
        return newest if newest is not None and (ended or not over(newest)) else None

    def _unknown(self, line: Line, error: OutcomeUnknown) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{error.message} No call of {line.name} to {line.to} was listed for {LONGER:.0f} s"
            " after it. It was not dialled again, and nothing was tagged or commented.",
            hint=f"Ask whether the app of {line.name} rang, or look once more"
            " (aircall_search_calls), before anybody tries again.",
        )


_NEEDED = (
    "The user must be available, not in a call, and signed in to one desktop app; the number must"
    " be active."
)
_UNLISTED = (
    f"The call was placed, but Aircall does not list it yet ({APPEARS:.0f} s):"
    " aircall_search_calls finds it by `phone_number`. Do not place it again."
)


def over(call: Json) -> bool:
    return call.get("ended_at") is not None or call.get("status") == "done"
