"""Perform an operation at Aircall and give a Reply.

Allowed by the owner, signed, within the company's budget, tried again where that does no harm, and
journaled where it is an effect. Aircall's two error layers (the edge's `{"message"}`, the
application's `{"error", "troubleshoot"}`) become our errors.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlencode, urlsplit

from ..errors import (
    AircallMCPError,
    ArgumentError,
    BudgetExhausted,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    StoreError,
    ToolError,
    Unreachable,
)
from ..ground import probe
from ..ground.caller import Caller
from ..ground.operation import EVERYTHING, Allowance, Bound, Operation
from ..ground.reply import Reply
from ..ground.secrets import LOOPBACK, Secret, secrets_in
from ..ground.weight import Aside, weight_in
from .breaker import Breaker, Breakers
from .budget import Budget, Share, Slot, pause_of
from .cache import Cache
from .journal import GUARD, SETTLED_AFTER, Intent, Journal, Outcome, canonical, fingerprint
from .readback import found, look, over
from .retries import PASSING, Retries, Trouble
from .wire import LARGEST_ANSWER, Answered, Broken, Exchange, Sending

if TYPE_CHECKING:
    import httpx2

__all__ = ["LARGEST_ANSWER", "Auth", "Gateway"]

log = logging.getLogger(__name__)

LONGEST_QUERY = 60_000
"""Characters of a query; what is longer no URL can hold."""

LOOK = 4.0
"""Seconds for a read that settles an outcome."""

PROBE = 2.0
"""Seconds in which our own sandbox answers that it is one."""


class Signature(Protocol):
    """What signs one request."""

    @property
    def headers(self) -> Mapping[str, str]: ...


class Auth(Protocol):
    """Signs requests and hears of refusals; the only one who knows a credential."""

    async def sign(self, account: str | None, url: str) -> Signature:
        """What to send along for exactly this url. Raises `CredentialError`."""
        ...

    async def rejected(self, signature: Any, status: int) -> bool:
        """After a 401 or 403 to this signature: whether signing again makes sense."""
        ...

    def learn(self, secret: Secret) -> None:
        """Mask this by value from now on."""
        ...

    def scrub(self, text: str) -> str:
        """`text` with every known secret masked by value."""
        ...

    async def aclose(self) -> None:
        """Wait for renewals under way."""
        ...


Company = Callable[[str | None], Awaitable[tuple[str, int]]]
"""From an account to its company, as a one-way hash, and the requests it has in a minute."""


ProofAt = Callable[[str], probe.Proof | None]
"""From an address to what the sandbox proves itself by that says it listens there."""


def _nobody(_address: str) -> None:
    """No sandbox listens on this machine."""


Guard = Callable[[Bound, Caller], Awaitable[None]]
"""Raises `NotAllowed` for an effect that nobody but a person may have."""


async def _unguarded(_bound: Bound, _caller: Caller) -> None:
    """Everything may be changed that the owner allows."""


async def _one_company(account: str | None) -> tuple[str, int]:
    return account or "", 60


@dataclass(slots=True)
class _Errand:
    """One operation on its way. `intent` stands in the journal, for what is not safe.

    After `until` no further attempt begins. `unsure`: an attempt was sent and its answer never
    came; `passing`: another one may fare better; `left`: nobody waits for it any more.
    """

    bound: Bound
    caller: Caller
    url: str
    account: str | None
    share: Share
    sending: Sending
    signature: Signature | None = None
    intent: Intent | None = None
    until: float | None = None
    unsure: bool = False
    passing: bool = True
    sent_at: float = 0.0
    left: bool = False
    sandbox: bool = False

    @property
    def operation(self) -> Operation:
        return self.bound.operation


class Gateway:
    """See the module docstring. Close it with `aclose`.

    Without `budget` and `journal` it neither counts nor remembers. `operations` are those by whose
    reads an unknown outcome can be settled, by id.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth,
        sandbox: bool = False,
        allowed: frozenset[Allowance] = EVERYTHING,
        guard: Guard = _unguarded,
        proof_at: ProofAt = _nobody,
        company: Company = _one_company,
        budget: Budget | None = None,
        journal: Journal | None = None,
        operations: Mapping[str, Operation] | None = None,
        retries: Retries | None = None,
        breakers: Breakers | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
        aside: Aside | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base_url = base_url
        self.sandbox = sandbox
        self._auth = auth
        self._allowed = allowed
        self._guard = guard
        # Beyond a proxy, an address of this machine is another machine's.
        self._proof_at = _nobody if proxy else proof_at
        self._company = company
        self._budget = budget
        self._journal = journal
        self._operations = operations or {}
        self._retries = retries or Retries()
        self._breakers = breakers or Breakers(lambda: Breaker(clock=clock))
        self._cache = Cache[Reply](clock=clock)
        self.aside = aside or Aside()
        self._exchange = Exchange(
            transport=transport,
            proxy=proxy,
            ca_bundle=ca_bundle,
            secure=base_url.startswith("https:") or (proxy or "").startswith("https:"),
            aside=self.aside,
        )
        self.clock = clock
        self._wall = wall
        self._sleep = sleep
        self._under_way: set[asyncio.Task[Reply]] = set()

    async def send(self, bound: Bound, caller: Caller) -> Reply:
        """Perform `bound` once, or join those who read the same at this moment.

        Raises `NotAllowed`, `CredentialError`, `BudgetExhausted`, `Refused`, `Unreachable` (nothing
        was done) or `OutcomeUnknown` (an effect was sent and no answer came).
        """
        operation = bound.operation
        waived = await self.admit(bound, caller)
        if operation.effect != "read":
            await self._guard(bound, caller)
        errand = await self._errand(bound, caller)
        errand.sandbox = waived
        if operation.repeatable != "safe":
            return await self._effect(errand)
        reply, age = await self._cache.get(
            errand.share.company,
            # A waiting person must not join a bulk read, which has more patience than they; nor an
            # account another's of the same company, whose key may be refused.
            f"{errand.share.lane} {errand.account or ''} {errand.url}",
            lambda: self._perform(errand),
            keep=operation.keeps,
            fresh=bound.fresh,
        )
        return replace(reply, age=age) if age else reply

    async def drained(self) -> None:
        """Wait for the effects that were sent and whose callers are gone."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def aclose(self) -> None:
        await self.drained()
        await self._auth.aclose()
        await self._exchange.aclose()
        self.aside.close()
        if self._budget is not None:
            await self._budget.aclose()
        if self._journal is not None:
            self._journal.close()

    async def admit(self, bound: Bound, caller: Caller) -> bool:
        """Raise `NotAllowed` unless the owner allows it, or a person asked for exactly this.

        True if it is let through because our own sandbox listens there, which needs nobody's yes.
        """
        if caller.person or not self._lacking(bound):
            return False
        if not self.sandbox and await self.at_sandbox():
            return True
        raise self._not_allowed(bound)

    async def at_sandbox(self) -> bool:
        """Whether it is our own sandbox that listens there, at this moment. Nothing of it is kept:
        what listens on a port of this machine may be another one the next time."""
        if self.sandbox:
            return True
        proof = self._proof_at(self.base_url)
        if proof is None:
            return False
        asked = probe.nonce()
        try:
            answered = await self._exchange.send(
                "GET", self.base_url + probe.PATH + asked,
                signed={}, body=None, sending=Sending(), deadline=PROBE, alone=True,
            )  # fmt: skip
        except Broken:
            return False
        return answered.status == 200 and proof.is_answer(answered.body, asked)

    def _lacking(self, bound: Bound) -> list[Allowance]:
        needed: tuple[Allowance, ...] = (bound.operation.effect, *bound.stakes)
        return [word for word in needed if word not in self._allowed]

    def _not_allowed(self, bound: Bound) -> NotAllowed:
        lacking = self._lacking(bound)
        because: dict[Allowance, str] = {word: f" ({why})" for word, why in bound.stakes.items()}
        does = " and ".join(_DOES[word] + because.get(word, "") for word in lacking)
        hint = f"The owner can start the server with --allow {','.join(lacking)}."
        if self._on_loopback():
            hint += (
                f" {self.base_url} is taken for the real host: no sandbox that this user started"
                " listens there itself (`aircall-mcp sandbox` prints its address)."
            )
        return NotAllowed(
            f"{bound.operation.tool} {does}; the owner of this server does not allow that.",
            hint=f"{hint} It works in the sandbox (--sandbox).",
        )

    def _on_loopback(self) -> bool:
        there = urlsplit(self.base_url)
        return there.scheme == "http" and there.hostname in LOOPBACK

    async def _errand(self, bound: Bound, caller: Caller) -> _Errand:
        if sum(len(name) + len(value) for name, value in bound.query) > LONGEST_QUERY:
            raise ArgumentError(
                "The arguments are too long for one request.",
                hint="Ask for less at once, such as fewer tags.",
            )
        url = self.base_url + bound.path
        if bound.query:
            url += "?" + urlencode(bound.query)
        account = bound.account or caller.account
        company, limit = await self._company(account)
        share = Share(company, limit, caller.lane)
        return _Errand(bound, caller, url, account, share, Sending(), until=caller.until)

    # effects

    async def _effect(self, errand: _Errand) -> Reply:
        """In a task of its own, which the caller's cancellation reaches only before it is sent."""
        task = asyncio.create_task(self._journaled(errand))
        self._under_way.add(task)
        task.add_done_callback(self._over)
        try:
            # No shield: from 3.14 on that logs what a task raises whose caller is gone.
            await asyncio.wait({task})
            return task.result()
        except asyncio.CancelledError:
            errand.left = True
            if not errand.sending.begun:
                task.cancel()
            raise

    def _over(self, task: asyncio.Task[Reply]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # it may be that nobody waits any more to hear of it

    async def _journaled(self, errand: _Errand) -> Reply:
        outcome: Outcome = "not_sent"
        status = 0
        try:
            reply = await self._surely(errand)
            outcome, status = "done", reply.status
        except Refused as error:
            outcome, status = "failed", error.status
            raise
        except BaseException:
            if errand.unsure or errand.sending.now:
                outcome = "unknown"
            elif errand.sending.begun:
                outcome, status = "failed", 429
            raise
        else:
            return reply
        finally:
            if errand.sending.begun:
                self._cache.forget(errand.share.company)
            await self._mark(errand, outcome, status)

    async def _mark(self, errand: _Errand, outcome: Outcome, status: int) -> None:
        if self._journal is None or errand.intent is None:
            return
        try:
            await self._journal.mark(errand.intent, outcome, status)
        except StoreError as error:
            # What was done is done, and is told; to the journal it stays unknown.
            log.warning(
                "The outcome of %s is not journaled: %s", errand.operation.id, error.message
            )

    async def _surely(self, errand: _Errand) -> Reply:
        """Performed. Where no answer came a read may tell, and what may be repeated is, once."""
        repeatable = errand.operation.repeatable
        try:
            return await self._perform(errand)
        except OutcomeUnknown as error:
            if not errand.unsure:
                raise  # of an earlier one, which keeps this one from being sent
            reply = await self._settled(errand, error)
            if reply is not None:
                return reply
            pause = self._retries.pause(1)
            late = self.clock() + pause >= (errand.until or 0.0)
            if late or not errand.passing or not self._retries.again(repeatable, "lost", 1):
                raise
            unknown = error
        await self._sleep(pause)
        try:
            return await self._perform(errand)
        except (Refused, OutcomeUnknown):
            raise
        except ToolError:
            raise unknown from None  # the second attempt came to nothing, but the first was sent

    async def _intend(self, errand: _Errand) -> None:
        """Write down what is about to be sent. Raises for what was sent a moment ago."""
        if self._journal is None or errand.operation.repeatable == "safe" or errand.intent:
            return
        journal, bound = self._journal, errand.bound
        print_ = await self.aside(
            lambda: fingerprint(
                errand.share.company,
                errand.operation.method,
                bound.path,
                sorted(bound.query),
                canonical(bound.body),
            ),
            weight=weight_in(bound.body),
        )
        despite = ""
        while True:
            beginning = asyncio.ensure_future(
                journal.begin(
                    errand.operation.id,
                    errand.share.company,
                    print_,
                    guarded=errand.operation.repeatable == "never",
                    patience=errand.caller.deadline + 5,
                    despite=despite,
                )
            )
            try:
                await asyncio.wait({beginning})
                intent, written = beginning.result()
            except asyncio.CancelledError:
                intent, written = await beginning  # what is written down gets its outcome
                errand.intent = intent if written else None
                raise
            if written:
                break
            if intent.id == despite or not await self._past(errand, intent):
                raise _repeated(errand.operation, intent)
            despite = intent.id
        errand.intent = intent
        errand.sending.first = lambda: journal.mark(intent, "sent")

    async def _past(self, errand: _Errand, earlier: Intent) -> bool:
        """Whether the earlier of two equal intents stands in the way no longer, which a read tells:
        it is over by now, or never took place. What else the read tells is written down."""
        if earlier.outcome not in ("unknown", "done") or self._journal is None:
            return False
        shown = await self._look(errand, earlier.age)
        if shown is None:
            return False
        if isinstance(shown, Mapping):
            if earlier.outcome == "unknown":
                await self._journal.mark(earlier, "done")
            return over(errand.bound, shown)
        # Its own asker may have been more patient than this one.
        waited = earlier.age - earlier.patience
        return earlier.outcome == "unknown" and waited > SETTLED_AFTER

    async def _settled(self, errand: _Errand, error: OutcomeUnknown) -> Reply | None:
        """The reply that got lost, if a read shows the effect; if it does not, `error` says so."""
        operation = errand.operation
        shown = await self._look(errand, self.clock() - errand.sent_at)
        rule = operation.settled_by
        if rule is None or not isinstance(shown, Mapping):
            if rule is not None and shown is False:
                error.hint = f"aircall_{rule.operation} does not show it yet. {error.hint}"
            return None
        key = operation.answer.key
        body: Any = {key: shown} if key else dict(shown)
        if operation.answer.status == 204:
            body = None
        known = isinstance(shown.get("id"), int) and 0 <= shown["id"] < 2**53
        identity = f" (id {shown['id']})" if known else ""
        note = f"The answer got lost, but it was done: aircall_{rule.operation} shows it{identity}."
        sandbox = self.sandbox or errand.sandbox
        return Reply(operation.answer.status, body, sandbox, notes=(note,))

    async def _look(self, errand: _Errand, age: float) -> Mapping[str, Any] | bool | None:
        """What a read shows of an effect that was sent `age` seconds ago: the thing itself, False
        if it does not show it, None if there is no telling."""
        rule = errand.operation.settled_by
        by = self._operations.get(rule.operation) if rule else None
        bound = look(errand.bound, by) if by else None
        if rule is None or by is None or bound is None:
            return None
        looker = replace(
            errand.caller, lane="waiting", deadline=LOOK, patience=LOOK / 2, until=None
        )
        try:
            answered = await self._answered(await self._errand(bound, looker), looking=True)
        except AircallMCPError:
            return None
        if rule.gone and _missing(answered):
            return {}
        if not 200 <= answered.status < 300:
            return None
        if rule.gone:
            return False
        since = self._server_time(answered) - age
        shown = await self.aside(
            lambda: found(errand.bound, by, answered.body, since), weight=answered.weight
        )
        return False if shown is None else shown

    def _server_time(self, answered: Answered) -> float:
        try:
            return parsedate_to_datetime(answered.headers.get("date", "")).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            return self._wall()

    # attempts

    async def _perform(self, errand: _Errand) -> Reply:
        again, operation = errand.unsure, errand.operation
        answered = await self._answered(errand)
        if 200 <= answered.status < 300:
            return Reply(
                answered.status,
                answered.body,
                self.sandbox or errand.sandbox,
                weight=answered.weight,
            )
        if again and answered.status == 404 and operation.method == "DELETE":
            if not _missing(answered):  # which tells nothing of what the first attempt did
                raise _unknown(operation, "Something in front of Aircall answered 404.")
            # the first attempt did it
            return Reply(operation.answer.status, None, self.sandbox or errand.sandbox)
        error = self._refusal(operation, answered)
        if not isinstance(error, BudgetExhausted):
            errand.unsure = isinstance(error, OutcomeUnknown)
        raise error

    async def _answered(self, errand: _Errand, *, looking: bool = False) -> Answered:
        """The answer of the last attempt that makes sense. A look passes by the breaker."""
        repeatable = errand.operation.repeatable
        tried, renewed = 0, False
        while True:
            tried += 1
            trouble: Trouble
            answered: Answered | AircallMCPError
            try:
                answered = await self._attempt(errand, looking=looking)
            except Broken as broken:
                trouble = "lost" if errand.sending.now else "not_sent"
                answered = self._no_answer(errand, broken)
            else:
                if answered.status in (401, 403) and not renewed:
                    renewed = await self._auth.rejected(errand.signature, answered.status)
                    if renewed:
                        continue
                if answered.status == 429 and self._budget is not None:
                    trouble = "throttled"
                elif answered.status in PASSING:
                    trouble = "lost"
                else:
                    return answered
            pause = 0.0 if trouble == "throttled" else self._retries.pause(tried)
            if (
                not errand.passing
                or (trouble == "lost" and repeatable != "safe")
                or not self._retries.again(repeatable, trouble, tried)
                or self.clock() + pause >= (errand.until or 0.0)
            ):
                if isinstance(answered, AircallMCPError):
                    raise answered
                return answered
            await self._sleep(pause)

    async def _attempt(self, errand: _Errand, *, looking: bool) -> Answered:
        """One request and its answer. Raises `Broken` where there is none."""
        errand.sending.now = False
        breaker = self._breakers.of(errand.share.company)
        probe = not looking and breaker.admit()
        verdict: bool | None = None
        try:
            errand.signature = await self._auth.sign(errand.account, errand.url)
            slot = await self._slot(errand)
            try:
                await self._intend(errand)
                if errand.left and not errand.unsure:
                    raise asyncio.CancelledError
                if errand.sandbox and not await self.at_sandbox():
                    raise self._not_allowed(errand.bound)  # it was, a moment ago
                errand.sent_at = self.clock()
                if errand.until is None:
                    errand.until = errand.sent_at + errand.caller.deadline
                answered = await self._exchange.send(
                    errand.operation.method,
                    errand.url,
                    signed=errand.signature.headers,
                    body=errand.bound.body,
                    sending=errand.sending,
                    deadline=errand.until - errand.sent_at,
                    # The sandbox is asked anew for each, and by no connection of before.
                    alone=errand.sandbox or errand.operation.repeatable == "never",
                    company=errand.share.company,
                )
            finally:
                if errand.sending.now:
                    slot.release()
                else:
                    slot.give_back()
            verdict = answered.status < 500
            if errand.operation.answer.secrets:
                await self.aside(
                    lambda: self._learn_secrets(errand, answered.body), weight=answered.weight
                )
            await self._learn(errand.share, answered)
            # Not before: whoever is cut short until here has not heard what became of it.
            errand.sending.now = False
        except Broken as broken:
            verdict = not broken.passing
            raise
        else:
            return answered
        finally:
            if not looking:
                breaker.report(answered=verdict, probe=probe)

    def _learn_secrets(self, errand: _Errand, body: Any) -> None:
        for secret in secrets_in(body, errand.operation.answer.secrets):
            self._auth.learn(secret)

    async def _learn(self, share: Share, answered: Answered) -> None:
        """What an answer tells of the limit. That it cannot be noted spoils no answer."""
        if self._budget is None:
            return
        try:
            await self._budget.learn(share, answered.status, answered.headers)
        except StoreError as error:
            log.warning("The limit is not noted: %s", error.message)

    async def _slot(self, errand: _Errand) -> Slot:
        caller = errand.caller
        if self._budget is None:
            return Slot(lambda _at: None, self.clock)
        patience = caller.patience
        if errand.until is not None:
            left = errand.until - self.clock()
            patience = left if patience is None else min(left, patience)
        return await self._budget.slot(
            errand.share, hold=caller.deadline + 5, patience=patience, told=caller.progress
        )

    # what went wrong

    def _no_answer(self, errand: _Errand, broken: Broken) -> AircallMCPError:
        errand.passing = broken.passing
        if errand.sending.now and errand.operation.repeatable != "safe":
            errand.unsure = True
            return _unknown(errand.operation, broken.words)
        hint = broken.hint or "Nothing was changed. Try again in a moment."
        return Unreachable(broken.words, hint=hint)

    def _refusal(self, operation: Operation, answered: Answered) -> AircallMCPError:
        status, body = answered.status, answered.body
        if status == 429:
            return BudgetExhausted(
                "Aircall's request limit for this company is used up.",
                retry_after=pause_of(answered.headers, self._wall()),
                hint="Wait that long; all keys and integrations of a company share one limit.",
            )
        lost = status in PASSING and operation.repeatable != "safe"
        if lost or (status >= 500 and operation.repeatable == "never"):
            return _unknown(operation, f"Aircall answered {status}.")
        words = self._auth.scrub(_words_of(body))
        said = f" Aircall says: {words}" if words else ""
        return Refused(
            f"Aircall refused {operation.tool} ({status}).{said}",
            status=status,
            hint=_hint(operation, status, body),
        )


_DOES: Mapping[Allowance, str] = {
    "read": "reads",
    "write": "changes things at Aircall",
    "reach": "reaches real people or costs money",
    "delete": "deletes for good",
    "exposes": "lets the company's words out",
    "administers": "decides who may do what, what callers hear or whether they get through",
}


def _unknown(operation: Operation, message: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{message} Whether {operation.tool} took effect is not known.",
        hint=_what_to_look_at(operation),
    )


def _what_to_look_at(operation: Operation) -> str:
    if operation.effect == "reach":
        what = "list the newest calls, or this contact's messages, to see whether it happened."
    else:
        what = "read the object back to see whether it changed."
    return f"Look before trying again: {what}"


def _repeated(operation: Operation, earlier: Intent) -> ToolError:
    """The same effect again, too soon. There is no argument that makes it happen."""
    ago = f"{max(1, round(earlier.age))} s ago"
    if earlier.outcome == "done":
        return NotAllowed(
            f"{operation.tool} was done with exactly these arguments {ago}"
            f" ({earlier.status}); it was not sent again.",
            hint="That one stands. Repeating it on purpose is possible"
            f" {_when(operation)} {GUARD:.0f} s after it.",
        )
    if earlier.outcome == "unknown":
        return OutcomeUnknown(
            f"{operation.tool} was sent with exactly these arguments {ago}, and whether it took"
            " effect is not known; it was not sent again.",
            hint=_what_to_look_at(operation),
        )
    return OutcomeUnknown(
        f"{operation.tool} with exactly these arguments is under way since {ago}; it was not sent"
        " again.",
        hint="Wait for its answer, or look in half a minute whether it took effect.",
    )


def _when(operation: Operation) -> str:
    rule = operation.settled_by
    return "once it is over, or" if rule is not None and rule.over else "from"


def _at_the_edge(body: Any) -> bool:
    """Whether an error is of what stands before Aircall's application."""
    return isinstance(body, Mapping) and "message" in body and "error" not in body


def _missing(answered: Answered) -> bool:
    """Whether Aircall's application itself says that there is no such thing: what stands before it,
    and whatever else is on the way, answers 404 for its own reasons."""
    body = answered.body
    return answered.status == 404 and isinstance(body, Mapping) and "error" in body


def _words_of(body: Any) -> str:
    """What Aircall wrote, from either error layer, at most 500 characters."""
    if not isinstance(body, Mapping):
        return ""
    body = cast("Mapping[str, Any]", body)
    parts = [body.get("troubleshoot") or body.get("message") or body.get("error")]
    if isinstance(body.get("errors"), Mapping | list):
        parts.append(json.dumps(body["errors"], ensure_ascii=False))
    return " ".join(str(part) for part in parts if part)[:500]


def _hint(operation: Operation, status: int, body: Any) -> str:
    at_the_edge = _at_the_edge(body)
    if status in (401, 403):
        if operation.add_on and not at_the_edge:
            return f"This needs the {operation.add_on} add-on on the Aircall account."
        add_on = f", or the {operation.add_on} add-on is missing" if operation.add_on else ""
        return (
            f"The API key or token is wrong or was withdrawn{add_on}."
            " A person can check it with `aircall-mcp doctor`."
        )
    if status == 404:
        if at_the_edge:
            return "Aircall has no such route any more; another operation may do it."
        if operation.add_on:
            return (
                "No such call, or nothing was generated for it: calls that were not recorded, or"
                " ended a moment ago, have none."
            )
        return "No such id for this account. Look it up with the list or search operation first."
    if status == 405:
        return (
            "The state does not allow it now: the user may be unavailable, in a call or without"
            " the desktop app, or recording is off. Check the user's availability first."
        )
    if 300 <= status < 400:
        return "It was sent elsewhere, which is not followed; a person checks AIRCALL_MCP_BASE_URL."
    if status in (400, 422):
        return "Aircall did not accept the values; its words say which."
    if status == 409:
        return "This idempotency_key was used before; the first request stands."
    return "Aircall has a fault of its own; try again later. https://status.aircall.com tells more."
