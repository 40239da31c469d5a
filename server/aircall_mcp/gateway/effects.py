"""Effects: once sent they are finished, even if nobody waits; their outcome is found out and
recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from ..errors import OutcomeUnknown, Refused, StoreError, ToolError
from ..ground.clock import Clock
from ..ground.reply import Reply
from ..ground.secrets import Scrub
from ..ground.weight import Aside
from .companies import marks_in
from .intents import Entry
from .journal import Intent, Journal, Outcome
from .looks import Looks, lost_reply
from .refusals import error_of, hollow, missing, unknown
from .request import Answered, Attempt, Brake, Request, Trying, Unsent, released
from .retries import Retries

log = logging.getLogger(__name__)


class Effects:
    """The link above the attempts, where what became of the last one turns into a reply.

    `forget` is told the company of what was changed; `scrub` masks secrets in Aircall's words.
    """

    def __init__(
        self,
        then: Trying,
        looks: Looks,
        *,
        journal: Journal | None,
        retries: Retries,
        forget: Callable[[str], None],
        scrub: Scrub,
        aside: Aside,
        sandbox: bool,
        brake: Brake = released,
        clock: Clock,
    ) -> None:
        self._then = then
        self._looks = looks
        self._journal = journal
        self._retries = retries
        self._forget = forget
        self._scrub = scrub
        self._aside = aside
        self._sandbox = sandbox
        self._brake = brake
        self._clock = clock
        self._under_way: set[asyncio.Task[Reply]] = set()

    async def send(self, request: Request) -> Reply:
        """A read, or an effect in a task of its own, which the caller's cancellation reaches only
        before it is sent. Raises what became of the last attempt, if that is no reply."""
        if request.operation.repeatable == "safe":
            attempt = await self._then.send(request)
            await self._learn(request, attempt)
            return self._reply(request, attempt)

        def past(earlier: Intent) -> Awaitable[bool]:
            return self._looks.past(request, earlier, self._journal)

        entry = Entry(self._journal, request, past, self._aside, self._brake)
        chained = replace(request, entry=entry, before_first_byte=entry.leaving)
        task = asyncio.create_task(self._finished(chained, entry))
        self._under_way.add(task)
        task.add_done_callback(self._over)
        try:
            # No shield: from 3.14 on that logs what a task raises whose caller is gone.
            await asyncio.wait({task})
            return task.result()
        except asyncio.CancelledError as cancelled:
            entry.abandon()
            if entry.begun:
                raise
            task.cancel()
            raise Unsent(*cancelled.args) from cancelled

    async def _learn(self, request: Request, attempt: Attempt) -> None:
        """Note the ids that a read returned, so that two keys of one company are recognised."""
        operation = request.operation
        if self._journal is None or not operation.tells_whose:
            return
        if not isinstance(attempt, Answered) or not attempt.well:
            return
        body = attempt.body
        marks = await self._aside(
            lambda: marks_in(operation, request.url, body), weight=attempt.weight
        )
        try:
            await self._journal.learn(request.share.company, marks)
        except StoreError as error:  # that it cannot be noted spoils no answer
            log.warning("Whose numbers these are is not noted: %s", error.message)

    async def drained(self) -> None:
        """Wait for effects that were sent and whose callers are gone."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _over(self, task: asyncio.Task[Reply]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # it may be that nobody waits any more to hear of it

    async def _finished(self, request: Request, entry: Entry) -> Reply:
        outcome: Outcome = "not_sent"
        status = 0
        try:
            reply = await self._surely(request)
            outcome, status = "done", reply.status
        except Refused as error:
            outcome, status = "failed", error.status
            raise
        except BaseException:
            if entry.doubt:
                outcome = "unknown"
            elif entry.begun:
                outcome, status = "failed", entry.refused
            raise
        else:
            return reply
        finally:
            if entry.begun:
                self._forget(request.share.company)
            await entry.close(outcome, status)

    async def _surely(self, request: Request) -> Reply:
        """Performed. Where no answer came a read may tell, and what may be repeated is, once."""
        first = await self._then.send(request)
        try:
            return self._reply(request, first)
        except OutcomeUnknown as error:
            doubt = error
        shown = await self._looks.look(request, self._clock.monotonic() - first.began)
        if isinstance(shown, Mapping):
            sandbox = self._sandbox or bool(request.waived)
            return lost_reply(request.operation, shown, sandbox=sandbox)
        rule = request.operation.read_back
        if shown is False and rule is not None:
            doubt.hint = f"aircall_{rule.operation} does not show it yet. {doubt.hint}"
        pause = self._retries.pause(1)
        # Who says that it went well is not asked to do it again.
        passing = not first.well if isinstance(first, Answered) else first.passing
        again = self._retries.again(request.operation.repeatable, "lost", 1)
        if not passing or not again or self._clock.monotonic() + pause >= first.until:
            raise doubt
        await self._clock.sleep(pause)
        try:
            return self._reply(request, await self._then.send(request.after(first)), again=True)
        except Refused as error:
            if request.operation.effect == "delete":  # which the first attempt may be the reason of
                raise unknown(request.operation, f"After an attempt: {error.message}") from None
            raise
        except OutcomeUnknown:
            raise
        except ToolError:
            raise doubt from None  # the second attempt came to nothing, but the first was sent

    def _reply(self, request: Request, attempt: Attempt, *, again: bool = False) -> Reply:
        """What the last attempt says, or its error. `again`: an earlier one may have done it."""
        operation, sandbox = request.operation, self._sandbox or bool(request.waived)
        if isinstance(attempt, Answered):
            if attempt.well:
                if hollow(operation, attempt):
                    words = f"Aircall answered {attempt.status}, and nothing of what was done."
                    raise unknown(operation, words)
                return Reply(attempt.status, attempt.body, sandbox, weight=attempt.weight)
            if again and attempt.status == 404 and operation.method == "DELETE":
                if not missing(attempt):  # which tells nothing of what the first attempt did
                    raise unknown(operation, "Something in front of Aircall answered 404.")
                return Reply(operation.answer.status, None, sandbox)  # the first attempt did it
        raise error_of(operation, attempt, self._scrub, self._clock.wall())
