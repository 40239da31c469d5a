"""One walk over a body that came: what of it a model sees."""

from __future__ import annotations

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


_NOTED, _SECRET, _TIME = 1, 2, 4
"""What is done with a field of some name beside showing it: told of, masked, read as a time."""
_Way: TypeAlias = str | tuple[int, str] | None
"""The name that is shown, with what else is done if there is more; None for what is left out."""
_NEW = object()


class Ways:
    """What is done with the fields of one answer, looked up once for a name: a page has few names,
    and each of them hundreds of times."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.dropped = PLUMBING | answer.expiring.keys()
        self.noted = answer.strangers | answer.expiring.keys()
        self.everywhere: dict[str, _Way] = {}
        """By the name of a field."""
        self.nested: dict[str, _Way] = {}
        """The same in a resource inside a resource."""

    def of(self, name: str, *, nested: bool) -> _Way:
        answer, way = self._answer, 0
        way |= _NOTED if name in self.noted else 0
        way |= _SECRET if name in answer.secrets else 0
        way |= _TIME if name in answer.milliseconds or name in answer.seconds else 0
        shown = clean(name)
        known = (way, shown) if way else shown
        if name in self.dropped or (nested and name not in IDENTITY):
            known = None
        (self.nested if nested else self.everywhere)[name] = known
        return known


class Walk:
    """One walk over one body; `told` are the names worth a note that had something to say."""

    def __init__(self, answer: Answer, ways: Ways | None = None) -> None:
        self._answer = answer
        self._ways = ways or Ways(answer)
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
            return [self.concise(item, depth) for item in cast("list[Any]", value)]
        return value

    def _fields(self, fields: dict[str, Any], depth: int) -> dict[str, Any]:
        self._step()
        nested = depth > 1 and "direct_link" in fields and "id" in fields
        ways = self._ways.nested if nested else self._ways.everywhere
        kept: dict[str, Any] = {}
        # This loop is most of what a page costs: what most fields are is seen in it by one
        # comparison, and where no function has to be called none is.
        for name, part in fields.items():
            if part is None:
                continue
            shown: Any = ways.get(name, _NEW)
            if shown is _NEW:
                shown = self._ways.of(name, nested=nested)
            if shown is None:
                continue
            if type(shown) is not str:
                marks, shown = shown
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
        return self._timed(name, part) if marks & _TIME and isinstance(part, int) else part

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
