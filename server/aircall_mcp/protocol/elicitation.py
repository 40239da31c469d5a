"""How a client is asked for a person's yes, in both eras of the protocol: by elicitation.

Before 2026-07-28 the server sends a request of its own and waits. From then on the call ends with
`input_required` and comes again with the answer and the sealed state, which holds for this very
call alone. A form shows that a client answered, not who: that is grade 1. An address is opened by
the client, and what a person says there, on our own page, is grade 2; that it was opened is no
answer. What is answered faster than anybody reads was put before nobody, yes or no, and the next
way is tried.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from ..desk import Failure, Question
from .unseen import Does, habits_of

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

PATIENCE: Final = 300.0
"""Seconds that a person has to answer."""
HANGING: Final = 100.0
"""The same, where the client is known to forget questions."""
PAGE_PATIENCE: Final = 50.0
"""Seconds that a call waits for what a person says on the page: clients give up at 60."""
LOOK: Final = 0.5
"""Seconds between two looks for that."""
QUICKEST: Final = 0.7
"""Seconds below which no person has read a question: a client answered for its user."""
KEY: Final = "approval"

Way = Literal["form", "url"]
"""How it was asked; `form` is how it was answered, too, as the record of the approval says it."""
Said = Literal["yes", "no", "unticked", "closed", "opened", "unseen"]
StandingOf: TypeAlias = Callable[[str], Awaitable[str]]


class Page(Protocol):
    """Our page, opened when it is asked for."""

    async def __call__(self, approval: str, /, *, led: bool = False) -> str:
        """Where a person finds `approval`; empty where no page can be had. `led`: the client leads
        them there."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for the question `approval`, and the ways in which it was asked so far."""

    approval: str
    said: Said
    tried: tuple[Way, ...]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "approve": {
            "type": "boolean",
            "title": "Do it",
            "description": "Whether exactly this is done now, once.",
            "default": False,
        }
    },
    "required": ["approve"],
}


class Elicitation:
    """Puts a question before the person at the client. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        *,
        patience: float = PATIENCE,
        hanging: float = HANGING,
        quickest: float = QUICKEST,
        page_patience: float = PAGE_PATIENCE,
        look: float = LOOK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._hanging = hanging
        self._quickest = quickest
        self._page_patience = page_patience
        self._look = look
        self._clock = clock

    def boundary(self, audience: str, principal_of: Callable[[Context], str]) -> Any:
        """The middleware that seals what a client carries for us from round to round."""
        security = RequestStateSecurity(
            keys=[secrets.token_bytes(32)], ttl=self._patience, bind_principal=principal_of
        )
        return RequestStateBoundary(security, default_audience=audience)

    def answered(self, ctx: Context, params: types.CallToolRequestParams) -> Heard | None:
        """What was answered in the newer era; None where nobody was asked yet."""
        response = (params.input_responses or {}).get(KEY)
        if params.request_state is None or not isinstance(response, types.ElicitResult):
            return None
        state = json.loads(params.request_state)
        tried = tuple(state["tried"])
        return Heard(state["approval"], self._said(ctx, tried[-1], response, state["asked"]), tried)

    def ways(self, ctx: Context, question: Question, page: Page | None) -> list[Way]:
        """In which ways the client says that it asks a person, the quickest first."""
        known = ctx.session.client_capabilities
        asks = None if known is None else known.elicitation
        if asks is None:
            return []
        ways: list[Way] = []
        # A client from before there were two modes names none, and means forms.
        if question.grade == 1 and (asks.form is not None or asks.url is None):
            ways.append("form")
        if asks.url is not None and page is not None:
            ways.append("url")
        return ways

    async def ask(
        self, ctx: Context, question: Question, page: Page | None, tried: tuple[Way, ...] = ()
    ) -> Heard | Failure | types.InputRequiredResult:
        """What the person said; what to answer where nobody can be asked, or nobody was; in the
        newer era the result that asks."""
        words = _NOBODY.get(tried[-1], "") if tried else ""
        for way in self.ways(ctx, question, page):
            if way in tried:
                continue
            url = await page(question.approval, led=True) if way == "url" and page else ""
            if way == "url" and not url:
                continue
            tried = (*tried, way)
            if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
                return self._required(question, url, tried)
            if not ctx.session.can_send_request:
                break
            answer, asked = None, self._clock()
            try:
                with anyio.move_on_after(self._patience_with(ctx)):
                    answer = await _sent(ctx, way, question, url)
            except (MCPError, NoBackChannelError, ValidationError) as error:
                log.info("the client did not ask: %s", type(error).__name__)
                words = "The client could not ask."
                continue
            if answer is None:
                return await pending(question, page, "Nobody answered in time.")
            said = self._said(ctx, way, answer, asked)
            if said != "unseen":
                return Heard(question.approval, said, tried)
            log.info("the client answered for its user: a person is asked another way")
            words = _NOBODY[way]
        return await pending(question, page, words)

    async def settled(self, ctx: Context, approval: str, standing: StandingOf) -> str:
        """How an approval stands whose page was opened: once a person said it there, or after as
        long as the client waits for us."""
        stands = "waiting"
        with anyio.move_on_after(self._page_patience):
            while True:
                stands = await standing(approval)
                if stands != "waiting":
                    break
                await anyio.sleep(self._look)
        if stands != "waiting" and ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            try:
                await ctx.session.send_elicit_complete(approval, ctx.request_id)
            except (MCPError, NoBackChannelError) as error:
                log.info("the client was not told: %s", type(error).__name__)
        return stands

    def _required(
        self, question: Question, url: str, tried: tuple[Way, ...]
    ) -> types.InputRequiredResult:
        params: types.ElicitRequestFormParams | types.ElicitRequestURLParams
        if tried[-1] == "form":
            params = types.ElicitRequestFormParams(
                message=question.preview, requested_schema=SCHEMA
            )
        else:
            params = types.ElicitRequestURLParams(message=briefly(question.preview), url=url)
        state = {"approval": question.approval, "asked": self._clock(), "tried": tried}
        return types.InputRequiredResult(
            input_requests={KEY: types.ElicitRequest(params=params)},
            request_state=json.dumps(state),
        )

    def _said(self, ctx: Context, way: Way, answer: types.ElicitResult, asked: float) -> Said:
        quick = self._clock() - asked < self._quickest
        if way == "url" and answer.action == "accept":
            return "opened"  # no answer yet: a page that nobody sees answers nothing
        does = _does(ctx)
        given = (answer.content or {}).get("approve")
        if quick or (answer.action == "accept" and not isinstance(given, bool)):
            return "unseen"  # what is required is there where a form was filled in, as it was asked
        if answer.action == "accept" and given is True:
            return "unseen" if "accepts" in does else "yes"
        if "declines" in does:
            return "unseen"
        if answer.action == "accept":
            return "unticked"
        return "closed" if answer.action == "cancel" else "no"

    def _patience_with(self, ctx: Context) -> float:
        return min(self._patience, self._hanging) if "hangs" in _does(ctx) else self._patience


_NOBODY: Final[dict[Way, str]] = {
    "form": "The client answered for its user, so nobody has seen the question: it counts as not"
    " asked.",
    "url": "Nobody has said anything on the page yet: it stays open.",
}


def _does(ctx: Context) -> frozenset[Does]:
    """What the client is known to do unseen."""
    known = ctx.session.client_params
    if known is None:
        return frozenset()
    return habits_of(known.client_info.name, known.client_info.version)


def briefly(preview: str) -> str:
    """For who is to open the page, which shows it whole."""
    return (
        f"{preview.split(chr(10), 1)[0]} needs your yes. A page of aircall-mcp on this"
        " machine shows it whole, and asks you there."
    )


async def _sent(ctx: Context, way: Way, question: Question, url: str) -> types.ElicitResult:
    if way == "form":
        return await ctx.session.elicit_form(question.preview, SCHEMA, ctx.request_id)
    return await ctx.session.elicit_url(
        briefly(question.preview), url, question.approval, ctx.request_id
    )


async def pending(question: Question, page: Page | None, words: str = "") -> Failure:
    """What waits still, with every way to a yes; `words` say why nobody said one."""
    error: dict[str, Any] = question.payload["error"]
    if words:
        error = {**error, "message": f"{error['message']} {words}"}
    if url := await page(question.approval) if page is not None else "":
        way = f"Or they open {url} in a browser on this machine."
        approval: dict[str, Any] = error["approval"]
        approval = {**approval, "page": url, "ways": [*approval["ways"], way]}
        hint = error["hint"].replace(" Then make the very", f" {way} Then make the very")
        error = {**error, "hint": hint, "approval": approval}
    return Failure({"error": error})


def unanswered(heard: Heard) -> str:
    """Why a question is still one after what was heard."""
    return _NOBODY["url"] if heard.said == "opened" else ""
