"""How a client is asked for a person's yes: in both eras of the protocol, by elicitation.

Before 2026-07-28 the server sends a request of its own and waits. From then on the call ends with
`input_required` and comes again with the answer and the sealed state, which holds for this very
call alone. What is answered faster than anybody reads was put before nobody, yes or no.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from ..desk import Failure, Question
from ..errors import NeedsConfirmation
from ..offer.tools import error_of

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

PATIENCE: Final = 300.0
"""Seconds that a person has to answer."""
QUICKEST: Final = 0.7
"""Seconds below which no person has read a question: a client answered for its user."""
KEY: Final = "approval"
WAY: Final = "form"
"""How it was answered, as the record of the approval says it."""

Said = Literal["yes", "no", "closed", "unseen"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back for the question `approval`."""

    approval: str
    said: Said


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
        quickest: float = QUICKEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._quickest = quickest
        self._clock = clock

    def boundary(self, audience: str, principal_of: Callable[[Context], str]) -> Any:
        """The middleware that seals what a client carries for us from round to round."""
        security = RequestStateSecurity(
            keys=[secrets.token_bytes(32)], ttl=self._patience, bind_principal=principal_of
        )
        return RequestStateBoundary(security, default_audience=audience)

    def answered(self, params: types.CallToolRequestParams) -> Heard | None:
        """What was answered in the newer era; None where nobody was asked yet."""
        response = (params.input_responses or {}).get(KEY)
        if params.request_state is None or not isinstance(response, types.ElicitResult):
            return None
        state = json.loads(params.request_state)
        return Heard(state["approval"], self._said(response, state["asked"]))

    def can_ask(self, ctx: Context) -> bool:
        """Whether the client says that it puts forms before a person."""
        known = ctx.session.client_capabilities
        asks = None if known is None else known.elicitation
        # A client from before there were two modes names none, and means forms.
        return asks is not None and (asks.form is not None or asks.url is None)

    async def ask(
        self, ctx: Context, question: Question
    ) -> Heard | Failure | types.InputRequiredResult:
        """What the person said; what to answer where nobody can be asked this way; in the newer
        era the result that asks. A form shows that a client answered, not who: that is grade 1."""
        if question.grade > 1 or not self.can_ask(ctx):
            return Failure(question.payload)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._required(question)
        if not ctx.session.can_send_request:
            return Failure(question.payload)
        answer: types.ElicitResult | None = None
        asked = self._clock()
        try:
            with anyio.move_on_after(self._patience):
                answer = await ctx.session.elicit_form(question.preview, SCHEMA, ctx.request_id)
        except (MCPError, NoBackChannelError, ValidationError) as error:
            log.info("the client did not ask: %s", type(error).__name__)
            return Failure(question.payload)
        if answer is None:
            return refusal("Nobody answered in time.")
        return Heard(question.approval, self._said(answer, asked))

    def _required(self, question: Question) -> types.InputRequiredResult:
        form = types.ElicitRequestFormParams(message=question.preview, requested_schema=SCHEMA)
        state = {"approval": question.approval, "asked": self._clock()}
        return types.InputRequiredResult(
            input_requests={KEY: types.ElicitRequest(params=form)}, request_state=json.dumps(state)
        )

    def _said(self, answer: types.ElicitResult, asked: float) -> Said:
        if self._clock() - asked < self._quickest:
            return "unseen"
        if answer.action == "accept" and (answer.content or {}).get("approve") is True:
            return "yes"
        return "closed" if answer.action == "cancel" else "no"


def unseen(question: Question) -> Failure:
    """What waits still, since a client answered before anybody could read it."""
    error = question.payload["error"]
    words = "The client answered at once, so nobody has seen the question: it counts as not asked."
    return Failure({"error": {**error, "message": f"{error['message']} {words}"}})


def refusal(words: str) -> Failure:
    hint = "Nothing was done. Do not try again unless a person asks for it."
    return Failure(error_of(NeedsConfirmation(words, hint=hint)))
