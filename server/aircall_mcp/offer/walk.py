"""One walk over the body of an answer: which of it a model sees."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias, cast

from ..ground.operation import Answer
from ..ground.secrets import MASK
from ..ground.times import iso
from ..ground.visible import clean
from ..ground.weight import give_way

PLUMBING = frozenset({"direct_link", "sid", "call_uuid", "cost", "logo", "archived"})
IDENTITY = frozenset({
    "id", "name", "email", "digits", "first_name", "last_name", "company_name",
    "phone_numbers",
})  # fmt: skip


_NOTED, _SECRET, _TIME, _SECONDS = 1, 2, 4, 8
"""What is done with a field of some name beside showing it: told of, masked, read as a time, and as
one of seconds alone."""
_FIRST, _BEYOND = 10**8, 253_402_300_800
"""What is no moment since 1973: of less a number is no time, and with more the calendar ends."""
_Way: TypeAlias = str | tuple[int, str] | None
"""The name that is shown, with what else is done if there is more; None for what is left out."""


class _Ways:
    """What is done with the fields of an answer, looked up once for a name: answers have few names,
    and each of them hundreds of times a page."""

    def __init__(
        self,
        expiring: frozenset[str],
        strangers: frozenset[str],
        secrets: frozenset[str],
        seconds: frozenset[str],
        milliseconds: frozenset[str],
    ) -> None:
        self._secrets = secrets
        self._seconds = seconds - milliseconds
        self._times = milliseconds
        self.dropped = PLUMBING | expiring
        self.noted = strangers | expiring
        self.everywhere: dict[str, _Way] = {}
        """By the name of a field."""
        self.nested: dict[str, _Way] = {}
        """The same in a resource inside a resource."""

    def of(self, name: str, *, nested: bool) -> _Way:
        way = _NOTED if name in self.noted else 0
        way |= _SECRET if name in self._secrets else 0
        way |= _TIME if name in self._times else _SECONDS if name in self._seconds else 0
        shown = clean(name)
        known = (way, shown) if way else shown
        if name in self.dropped or (nested and name not in IDENTITY):
            known = None
        ways = self.nested if nested else self.everywhere
        if len(ways) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
            ways[name] = known
        return known


@lru_cache(256)
def _ways(*names: frozenset[str]) -> _Ways:
    return _Ways(*names)


_MOST_NAMES, _LONGEST_NAME = 1_000, 100
"""Names of fields that are remembered of an answer: they are Aircall's words, and may be any."""


class Walk:
    """Walks over what came of one answer; `told` are the names worth a note that had something to
    say."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._ways = _ways(
            frozenset(answer.expiring),
            answer.strangers,
            answer.secrets,
            answer.seconds,
            answer.milliseconds,
        )
        self.told: set[str] = set()
        self._steps = 0

    def is_plain(self, name: str) -> bool:
        """Whether a field of this name is shown as it is."""
        answer = self._answer
        marked = self._ways.dropped | self._ways.noted | answer.secrets
        return name not in marked and clean(name) == name

    def full(self, value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        self._step()
        if isinstance(value, list):
            return [self.full(item) for item in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        fields = cast("dict[str, Any]", value)
        self.told.update(name for name in self._ways.noted & fields.keys() if fields[name])
        return {
            clean(name): MASK if part and name in self._answer.secrets else self.full(part)
            for name, part in fields.items()
        }

    def concise(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return self._fields(cast("dict[str, Any]", value), depth)
        self._step()
        if isinstance(value, list):
            items, fields = cast("list[Any]", value), self._fields
            return [fields(i, depth) if type(i) is dict else self.concise(i, depth) for i in items]  # pyright: ignore[reportUnknownArgumentType]  # of Any
        return value

    def _fields(self, fields: dict[str, Any], depth: int) -> dict[str, Any]:
        self._steps += 1
        if not self._steps & 0xFF:
            give_way()
        nested = depth > 1 and "direct_link" in fields and "id" in fields
        ways = self._ways.nested if nested else self._ways.everywhere
        kept: dict[str, Any] = {}
        # This loop is most of what a page costs: what most fields are is seen in it by one
        # comparison, and where no function has to be called none is.
        for name, part in fields.items():
            if part is None:
                continue
            try:
                shown: Any = ways[name]
            except KeyError:
                shown = self._ways.of(name, nested=nested)
            if shown is None:
                continue
            if type(shown) is not str:
                marks, shown = shown
                if marks == _SECONDS and type(part) is int and _FIRST < part < _BEYOND:
                    kept[shown] = iso(part)
                    continue
                part = self._marked(name, part, marks)
            kind = type(part)  # pyright: ignore[reportUnknownVariableType]  # of Any
            if kind is str:
                if part:
                    kept[shown] = part if part.isascii() and part.isprintable() else clean(part)
            elif kind is int or kind is bool or kind is float:
                kept[shown] = part
            elif kind is dict:
                if part:
                    kept[shown] = self._fields(part, depth + 1)
            elif part or isinstance(part, (int, float)):
                kept[shown] = self.concise(part, depth + 1)
        return kept

    def _marked(self, name: str, part: Any, marks: int) -> Any:
        """What is shown of a field with which more is done than to show it."""
        if not part and not isinstance(part, (int, float)):
            return None
        if marks & _NOTED:
            self.told.add(name)
        if marks & _SECRET:
            return MASK
        timed = marks & (_TIME | _SECONDS)
        return self._timed(name, part) if timed and isinstance(part, int) else part

    def _step(self) -> None:
        self._steps += 1
        if not self._steps & 0xFF:
            give_way()

    def _timed(self, name: str, number: int) -> int | str:
        """`number` as ISO 8601 where its name says that it is a time."""
        try:
            if name in self._answer.milliseconds and number > 10**11:
                return iso(number / 1000)
            if name in self._answer.seconds and number > 10**8:
                return iso(number)
        except (ValueError, OverflowError, OSError):
            return number
        return number
