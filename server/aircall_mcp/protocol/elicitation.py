"""How a client is asked for a person's yes: in both eras of the protocol, by elicitation.

Before 2026-07-28 the server sends a request of its own and waits. From then on the call ends with
`input_required` and comes again with the answer and the sealed state, which holds for this very
call alone and opens once.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

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

PATIENCE = 300.0
"""Seconds that a person has to answer."""
MOST_OPEN = 1_000
"""Questions whose answer is awaited; the oldest is forgotten, and its yes refused."""
KEY = "approval"

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
    """Asks, and remembers which questions are open: a yes counts once, in this process."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._open: dict[str, str] = {}

    def boundary(self, audience: str, principal_of: Callable[[Context], str]) -> Any:
        """The middleware that seals what a client carries for us from round to round."""
        security = RequestStateSecurity(
            keys=[secrets.token_bytes(32)], ttl=self._patience, bind_principal=principal_of
        )
        return RequestStateBoundary(security, default_audience=audience)

    def answered(self, params: types.CallToolRequestParams) -> str | Failure | None:
        """The identity of the call that a person said yes to, in the newer era; what to answer
        where the person did not; None where nobody was asked yet."""
        response = (params.input_responses or {}).get(KEY)
        if params.request_state is None or response is None:
            return None
        nonce = json.loads(params.request_state)["question"]
        identity = self._open.pop(nonce, None)
        if not isinstance(response, types.ElicitResult):
            return None
        if not _is_yes(response):
            return _refusal(response.action)
        if identity is None:
            return _failure("That answer was used already, or came too late.")
        return identity

    def can_ask(self, ctx: Context) -> bool:
        """Whether the client says that it puts forms before a person."""
        known = ctx.session.client_capabilities
        asks = None if known is None else known.elicitation
        # A client from before there were two modes names none, and means forms.
        return asks is not None and (asks.form is not None or asks.url is None)

    async def ask(
        self, ctx: Context, question: Question
    ) -> str | Failure | types.InputRequiredResult:
        """The identity, once a person said yes; what to answer where that did not happen; in the
        newer era the result that asks."""
        if not self.can_ask(ctx):
            return Failure(question.payload)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._required(question)
        if not ctx.session.can_send_request:
            return Failure(question.payload)
        answer: types.ElicitResult | None = None
        try:
            with anyio.move_on_after(self._patience):
                answer = await ctx.session.elicit_form(question.preview, SCHEMA, ctx.request_id)
        except (MCPError, NoBackChannelError, ValidationError) as error:
            log.info("the client did not ask: %s", type(error).__name__)
            return Failure(question.payload)
        if answer is None:
            return _failure("Nobody answered in time.")
        return question.identity if _is_yes(answer) else _refusal(answer.action)

    def _required(self, question: Question) -> types.InputRequiredResult:
        if len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        nonce = secrets.token_urlsafe(16)
        self._open[nonce] = question.identity
        form = types.ElicitRequestFormParams(message=question.preview, requested_schema=SCHEMA)
        return types.InputRequiredResult(
            input_requests={KEY: types.ElicitRequest(params=form)},
            request_state=json.dumps({"question": nonce}),
        )


def _is_yes(answer: types.ElicitResult) -> bool:
    return answer.action == "accept" and (answer.content or {}).get("approve") is True


def _refusal(action: str) -> Failure:
    if action == "cancel":
        return _failure("The person who was asked closed the question without an answer.")
    return _failure("The person who was asked said no.")


def _failure(words: str) -> Failure:
    hint = "Nothing was done. Do not try again unless a person asks for it."
    return Failure(error_of(NeedsConfirmation(words, hint=hint)))
