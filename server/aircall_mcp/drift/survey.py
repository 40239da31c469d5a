"""Send Aircall reads only, and compare the answers with the description.

Asked is what needs no argument, and what needs the id of something that an earlier read showed.
Nothing is invented, nothing is asked for that lets words out, and nothing of the answers is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from ..errors import BudgetExhausted, CredentialError, Refused, ToolError, Unreachable
from ..gateway.ask import Sends
from ..ground.caller import Caller
from ..ground.clock import Clock
from ..ground.operation import PAGE_SIZE, Operation, Window
from . import headers, rules
from .compare import Comparison, Difference, Kind
from .described import Described, words
from .overheard import Heard, Overheard

Tell = Callable[[int, int, str], None]
"""Hears how many reads were made, of how many at least, and which is next."""

PATIENCE = 120.0
"""Seconds that one read may wait for the limit: people go first."""
SETTLED = 1800
"""Seconds after its end in which a call may still be rewritten."""
TRIED = 2
"""Things of one kind that are asked about, where the first has nothing to show."""
YEAR = 365 * 86_400

IDS = {
    "call_id": ("list_calls", "id"),
    "contact_id": ("list_contacts", "id"),
    "number_id": ("list_numbers", "id"),
    "tag_id": ("list_tags", "id"),
    "team_id": ("list_teams", "id"),
    "user_id": ("list_users_v2", "id"),
    "webhook_id": ("list_webhooks", "webhook_id"),
}
"""By each argument, the list that shows ids of its kind, and the field there."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """An operation, or a rule of it, that could not be looked at, and why."""

    of: str
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What came of it. `looked` are the operations that answered, `requests` what it took."""

    differences: tuple[Difference, ...]
    unseen: tuple[Unseen, ...]
    looked: tuple[str, ...]
    requests: int


async def survey(
    gateway: Sends,
    operations: Mapping[str, Operation],
    document: Mapping[str, Any],
    overheard: Overheard,
    *,
    account: str | None = None,
    clock: Clock | None = None,
    tell: Tell = lambda _done, _of, _what: None,
) -> Survey:
    """Look at all that can be looked at, within the limit and behind everybody else.

    Raises `CredentialError`, or `Refused` where Aircall does not take the credential.
    """
    surveyor = _Surveyor(gateway, operations, Described(document), overheard, account, tell)
    return await surveyor.look((clock or Clock()).wall())


class _Surveyor:
    def __init__(
        self,
        gateway: Sends,
        operations: Mapping[str, Operation],
        described: Described,
        overheard: Overheard,
        account: str | None,
        tell: Tell,
    ) -> None:
        self._gateway = gateway
        self._operations = operations
        self._described = described
        self._overheard = overheard
        self._caller = Caller(account=account, lane="bulk", patience=PATIENCE)
        self._tell = tell
        self._comparisons: dict[str, Comparison] = {}
        self._broken: dict[Difference, None] = {}
        self._headers: dict[rules.Broken, list[Operation]] = {}
        self._unseen: dict[Unseen, None] = {}
        self._looked: dict[str, None] = {}
        self._pages: dict[str, Any] = {}
        self._held: set[str] = set()
        self._requests = 0
        self._steps = 0

    async def look(self, now: float) -> Survey:
        reads = [one for one in self._operations.values() if one.effect == "read" and not one.ours]
        plain: list[Operation] = []
        by_id: list[Operation] = []
        for one in reads:
            if one.stakes != "none":
                self._leave(one, "it lets words of the company out")
            elif not one.required:
                plain.append(one)
            elif len(one.required) == 1 and one.required[0] in IDS:
                by_id.append(one)
            else:
                self._leave(one, f"no read shows a {' and a '.join(one.required)}")
        self._steps = len(plain) + len(by_id) + 14
        plain.sort(key=lambda one: one.id != "ping")  # first of all: is the credential taken?
        for one in plain:
            await self._plain(one)
        for one in by_id:
            await self._by_id(one, now)
        await self._paging()
        for one in plain:
            if one.window is not None:
                await self._period(one, one.window, now)
        differing = [
            found for one in self._comparisons.values() for found in one.differences(self._shown)
        ]
        differing += [
            Difference(
                "header", ours[0].id, ours[0].route, "", name if self._shown(name) else "",
                said, seen, len(ours), len(self._looked),
            )
            for (name, said, seen), ours in self._headers.items()
        ]  # fmt: skip
        return Survey(
            (*differing, *self._broken), tuple(self._unseen), tuple(self._looked), self._requests
        )

    # what is asked

    async def _plain(self, one: Operation) -> None:
        heard = await self._ask(one)
        if heard is None or not await self._compared(one, heard):
            if one.id == "ping":
                raise Refused(
                    "Aircall does not accept the credential, so nothing was compared.",
                    status=heard.status if heard else 0,
                    hint="`aircall-mcp doctor` says more.",
                )
            return
        self._pages[one.id] = heard.body
        if one.answer.paging == "page":
            for broken in rules.of_page(heard.body, one.answer.key, page=1, size=PAGE_SIZE):
                self._break("page", one, broken)

    async def _by_id(self, one: Operation, now: float) -> None:
        name = one.required[0]
        shows, of = IDS[name]
        items = rules.items_of(self._pages.get(shows), self._operations[shows].answer.key)
        if name == "call_id":
            items = sorted(items, key=lambda call: not _talked(call, now))
        ids = [item[of] for item in items if isinstance(item.get(of), int | str)]
        if not ids:
            self._leave(one, f"{shows} showed none")
        for number, identity in enumerate(ids[:TRIED], 1):
            last = number == min(TRIED, len(ids))
            heard = await self._ask(one, **{name: identity})
            if heard is None or await self._compared(one, heard, aloud=last):
                return

    async def _paging(self) -> None:
        """One list is enough for what holds for all of them."""
        named = self._operations["list_tags"]
        if (most := self._described.clamped(named.id)) and (
            heard := await self._ask(named, (("per_page", str(most + 1)),))
        ):
            size = rules.meta_of(heard.body).get("per_page")
            if heard.status != 200 or size != most:
                seen = "refused" if heard.status >= 400 else "another size"
                said = f"more than {most} are taken as {most}"
                self._break("page", named, ("larger_pages_are_clamped", said, seen))
        if (cap := self._described.cap(named.id)) and (
            heard := await self._ask(
                named, (("page", str(cap // PAGE_SIZE + 1)), ("per_page", str(PAGE_SIZE)))
            )
        ):
            self._beyond(named, heard, cap)
        for name in ("list_contacts", "list_tags", "list_users_v2", "list_numbers"):
            one = self._operations[name]
            if len(rules.items_of(self._pages.get(name), one.answer.key)) >= 2:
                await self._second_page(one)
                return
        self._unseen[Unseen("list_contacts", "no list with two items, to turn a page")] = None

    def _beyond(self, one: Operation, heard: Heard, cap: int) -> None:
        """A page behind the last that may be read."""
        if heard.status != 400:
            said = f"400 beyond {cap} items"
            self._break("page", one, ("pages_end_at_the_cap", said, str(heard.status)))
            return
        schema = self._described.schema(self._described.responses(one.id)[400])
        if schema is not None and heard.body is not None:
            self._remember(heard.body)
            self._comparison(one, 400).body(schema, heard.body)

    async def _second_page(self, one: Operation) -> None:
        order = tuple(pair for pair in one.bind({}).query if pair[0] == "order")
        heard = await self._ask(one, (("page", "2"), ("per_page", "1"), *order))
        if heard and heard.status == 200:
            key, first = one.answer.key, self._pages[one.id]
            for broken in rules.of_page(heard.body, key, page=2, size=1):
                self._break("page", one, broken)
            for broken in rules.of_second_page(first, heard.body, key):
                self._break("page", one, broken)

    async def _period(self, one: Operation, window: Window, now: float) -> None:
        """Where `from` and `to` end, in which order the list comes, and how far back it goes."""
        items = rules.items_of(self._pages.get(one.id), one.answer.key)
        if not rules.in_order(items, window.by, "desc"):
            said = f"by {window.by}, newest first"
            self._break("page", one, ("order_is_as_asked", said, "another order"))
        if one.id == "list_calls":
            await self._defaults(one, window)
        if window.days:
            until = int(now) - (window.days + 8) * 86_400
            heard = await self._ask(one, (("from", str(until - YEAR)), ("to", str(until))))
            if heard and heard.status == 200 and rules.items_of(heard.body, one.answer.key):
                said = f"nothing from before {window.days} days"
                self._break("window", one, ("nothing_older_is_listed", said, "some"))
        quiet = [item for item in items if _quiet(item, now)]
        at = rules.moment_of(quiet[-1].get(window.by)) if quiet else None
        if at is None:
            self._leave(one, "nothing that is settled, to see where a period ends")
            return
        for edge, since, until in (("from", at, at + 1), ("to", at - 1, at)):
            heard = await self._ask(one, (("from", str(since)), ("to", str(until))))
            if heard is not None and heard.status == 200:
                self._edge(one, window, edge, quiet[-1], heard.body)

    def _edge(
        self, one: Operation, window: Window, edge: str, item: Mapping[str, Any], body: Any
    ) -> None:
        found = rules.items_of(body, one.answer.key)
        total = rules.meta_of(body).get("total")
        if isinstance(total, int) and total > len(found):
            self._leave(one, "too much of one second, to see where it ends")
            return
        came = item.get("id") in [each.get("id") for each in found]
        if came == (edge == window.excluded):
            said = f"`{edge}` is {'excluded' if edge == window.excluded else 'included'}"
            seen = "included" if came else "excluded"
            self._break("window", one, (f"{edge}_of_a_period", said, seen))

    async def _defaults(self, one: Operation, window: Window) -> None:
        heard = await self._ask(one, ())
        if heard is None or heard.status != 200:
            return
        usual = self._described.defaults(one.id)
        size = rules.meta_of(heard.body).get("per_page")
        if size != usual.get("per_page", size):
            said = f"{usual['per_page']} unless asked otherwise"
            self._break("page", one, ("usual_size_of_a_page", said, "another"))
        items = rules.items_of(heard.body, one.answer.key)
        if not rules.in_order(items, window.by, usual.get("order", "asc")):
            said = "oldest first unless asked otherwise"
            self._break("page", one, ("usual_order", said, "another order"))

    async def _ask(
        self, one: Operation, query: tuple[tuple[str, str], ...] | None = None, **arguments: Any
    ) -> Heard | None:
        """What was answered, of whatever status; None where nothing was, which is noted."""
        self._tell(self._requests, max(self._steps, self._requests), one.id)
        bound = replace(one.bind(arguments), fresh=True)
        if query is not None:  # as the schema that models see would not let it be asked
            bound = replace(bound, query=query)
        with self._overheard.listening() as answers:
            try:
                await self._gateway.send(bound, self._caller)
            except Refused:
                pass
            except CredentialError:
                raise
            except (BudgetExhausted, Unreachable) as error:
                self._leave(one, error.message)
                return None
            except ToolError as error:
                self._leave(one, error.kind)
                return None
            finally:
                self._requests += len(answers)
        ours = [heard for heard in answers if _path(heard.url) == bound.path]
        if not ours:
            self._leave(one, "its answer was not heard")
        return ours[-1] if ours else None

    # what is made of it

    async def _compared(self, one: Operation, heard: Heard, *, aloud: bool = True) -> bool:
        """Hold an answer against what is described for its status; whether it went well."""
        described = self._described.responses(one.id)
        response = described.get(heard.status)
        well = 200 <= heard.status < 300
        if one.retired and not well:
            self._leave(one, f"Aircall has retired it, and answered {heard.status}")
            return False
        if response is None:
            usual = " or ".join(str(status) for status in described if status < 400)
            self._differ(
                Difference("status", one.id, one.route, said=usual, seen=str(heard.status))
            )  # fmt: skip
            if not well:
                return False
            response = next(told for status, told in described.items() if status < 300)
        elif not well and aloud:
            self._leave(one, f"Aircall answered {heard.status}")
        for broken in headers.of(heard.headers, response):
            self._headers.setdefault(broken, []).append(one)
        schema = self._described.schema(response)
        if schema is not None and heard.body is None:
            told = "type", one.id, one.route, "", "", "a JSON body", "none that can be read"
            self._differ(Difference(*told))
        elif schema is not None:
            await asyncio.sleep(0)  # thousands of values take their time, and others have a turn
            self._remember(heard.body)
            self._comparison(one, 0 if well else heard.status).body(schema, heard.body)
        if well:
            self._looked[one.id] = None
        return well

    def _comparison(self, one: Operation, status: int) -> Comparison:
        """That of the successes of an operation, or of a `status` that says no."""
        said = f" {status}" if status else ""
        fresh = Comparison(self._described, one.id, f"{one.route}{said}")
        return self._comparisons.setdefault(f"{one.id}{said}", fresh)

    def _break(self, kind: Kind, one: Operation, broken: rules.Broken) -> None:
        name, said, seen = broken
        self._differ(Difference(kind, one.id, one.route, name=name, said=said, seen=seen))

    def _differ(self, difference: Difference) -> None:
        self._broken[difference] = None

    def _leave(self, one: Operation, why: str) -> None:
        self._unseen[Unseen(one.id, why)] = None

    def _remember(self, body: Any) -> None:
        """What the account holds, so that no name of a field tells of it."""
        for value, of_somebody in _texts(body):
            parts = words(value)
            self._held.add("".join(parts))
            if of_somebody:
                self._held.update(parts)

    def _shown(self, name: str) -> bool:
        """Whether a name that the description does not have is one of a field, and not data: it
        looks like one, and no words of it are what the account holds."""
        if name in self._described.names:
            return True
        if len(name) > 40 or not _NAME.fullmatch(name) or re.search(r"\d{3}", name):
            return False
        parts = words(name)
        ends = range(len(parts) + 1)
        runs = {"".join(parts[a:b]) for a in ends for b in ends if a < b} - self._described.words
        return not any(len(run) > 2 and run in self._held for run in runs)


_NAMES = frozenset(("first_name", "last_name", "company_name", "email", "information"))
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")


def _texts(value: Any, of_somebody: bool = False) -> Iterable[tuple[str, bool]]:
    """Every text, and whether each word of it may be of a person's or a company's name."""
    if isinstance(value, str):
        yield value[:200], of_somebody
    elif isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        for key, part in fields.items():
            yield from _texts(part, key in _NAMES or (key == "name" and "email" in fields))
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _texts(one, of_somebody)


def _path(url: str) -> str:
    """The path of a URL as it was sent, percent signs and all."""
    return "/" + url.split("?")[0].split("/", 3)[3]


def _talked(call: Mapping[str, Any], now: float) -> bool:
    """A call that is over, and had somebody at both ends: what there is to know of it is known."""
    return _quiet(call, now) and call.get("answered_at") is not None


def _quiet(item: Mapping[str, Any], now: float) -> bool:
    """Whether nothing rewrites it any more. Contacts have no end, and never are."""
    if "ended_at" not in item:
        return True
    ended = rules.moment_of(item["ended_at"])
    return ended is not None and ended < now - SETTLED
