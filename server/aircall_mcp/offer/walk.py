"""One walk over a body that came: what of it a model sees."""

from __future__ import annotations

from typing import Any, cast

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


class Walk:
    """One walk over one body; `told` are the names worth a note that had something to say."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._dropped = PLUMBING | answer.expiring.keys()
        self._noted = answer.strangers | answer.expiring.keys()
        self.told: set[str] = set()
        self._steps = 0

    def is_plain(self, name: str) -> bool:
        """Whether a field of this name is shown as it is."""
        answer = self._answer
        marked = self._dropped | self._noted | answer.secrets
        return name not in marked and clean(name) == name

    def full(self, value: Any) -> Any:
        if isinstance(value, str):
            return clean(value)
        self._steps += 1
        if not self._steps & 0xFF:
            give_way()
        if isinstance(value, list):
            return [self.full(item) for item in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        fields = cast("dict[str, Any]", value)
        self.told.update(name for name in self._noted & fields.keys() if fields[name])
        return {
            clean(name): MASK if part and name in self._answer.secrets else self.full(part)
            for name, part in fields.items()
        }

    def concise(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return clean(value)
        self._steps += 1
        if not self._steps & 0xFF:
            give_way()
        if isinstance(value, list):
            return [self.concise(item, depth) for item in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        fields = cast("dict[str, Any]", value)
        nested = depth > 1 and "direct_link" in fields and "id" in fields
        dropped, noted, secrets = self._dropped, self._noted, self._answer.secrets
        kept: dict[str, Any] = {}
        for name, part in fields.items():
            if not part and not isinstance(part, (int, float)):
                continue
            if name in dropped or (nested and name not in IDENTITY):
                continue
            if name in noted:
                self.told.add(name)
            # What most names and texts are is seen here, where no function has to be called.
            shown = name if name.isascii() and name.isprintable() else clean(name)
            if name in secrets:
                kept[shown] = MASK
            elif isinstance(part, str):
                kept[shown] = part if part.isascii() and part.isprintable() else clean(part)
            elif isinstance(part, int):
                kept[shown] = self._timed(name, part)
            else:
                kept[shown] = self.concise(part, depth + 1)
        return kept

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
