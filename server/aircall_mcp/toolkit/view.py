"""Which part of the offer a program shows, and which arguments it has fixed: it only narrows."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ..errors import ArgumentError, SettingsError
from .tool import Tool

if TYPE_CHECKING:
    from ..ground.operation import Operation
    from ..offer import Offer, Registry

Json = dict[str, Any]

Kind: TypeAlias = Literal["user", "number"]
Words: TypeAlias = str | Collection[str]
FEW: Final = 20
"""Fewer words than this are all named in an error."""
KINDS: Final[tuple[Kind, ...]] = ("user", "number")

MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("user_id",),
    "number": ("number_id", "lineId"),
}
"""The arguments of an operation that a word of `bind` fixes; any other fixes its own name's."""
MEANT_BY_TASKS: Final[Mapping[str, tuple[str, ...]]] = {"number": ("number", "from")}
"""The same for the tools for whole tasks, which take names and addresses as well as ids."""

SPELLED: Final[Mapping[str, Kind]] = {
    name: word for word, names in MEANT.items() for name in names if word in KINDS
}
"""`user_id` is `user`, for `bind`: fixed in every spelling, whichever was given."""

BY_LIST: Final = frozenset({"plan", "run_script"})
"""Tools that perform calls they are given in other ways than by name: a narrower view has none."""


@dataclass(frozen=True)
class View:
    """`effects`, `toolsets` and `names` (operation ids), each None for all, say what is shown;
    `fixed` are the arguments that are filled in, by the words of `bind`."""

    effects: frozenset[str] | None = None
    toolsets: frozenset[str] | None = None
    names: frozenset[str] | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def whole(self) -> bool:
        """Whether nothing is narrowed or fixed."""
        return self is WHOLE or self == WHOLE

    @property
    def key(self) -> Hashable:
        """The same for views that are equal."""
        fixed = tuple(sorted((name, repr(value)) for name, value in self.fixed.items()))
        return self.effects, self.toolsets, self.names, fixed

    def bind(self, fixed: Mapping[str, Any]) -> View:
        """Raises `SettingsError` for what can be nobody, and nothing."""
        words: Json = {}
        for name, value in fixed.items():
            word = SPELLED.get(name, name)
            if word in words:
                raise SettingsError(f"`{word}` and `{name}` fix the same: give one of them.")
            _hold(word, value)
            words[word] = value
        return replace(self, fixed={**self.fixed, **words})

    def only(
        self,
        effects: Words | None,
        toolsets: Words | None,
        names: Words | None,
    ) -> View:
        """The same with less in it: what was left out before stays out. A word alone is one."""
        return replace(
            self,
            effects=_both(self.effects, effects),
            toolsets=_both(self.toolsets, toolsets),
            names=_both(self.names, names),
        )

    def hold_against(self, registry: Registry, offer: Offer) -> None:
        """Raise `SettingsError` for a word that nothing here is called by, and where nothing of
        the offer is left."""
        from ..ground.nearest import nearest
        from ..ground.operation import EFFECTS

        toolsets = [one.name for one in registry.toolsets]
        arguments = {p.name for one in registry.known for p in one.parameters}
        for words, known, what in (
            (self.effects or (), EFFECTS, "effect"),
            (self.toolsets or (), toolsets, "toolset"),
            (self.names or (), registry.names, "tool"),
            (self.fixed, arguments | MEANT.keys() | {"account"}, "argument"),
        ):
            for word in words:
                if word not in known:
                    few = f"One of {', '.join(known)}." if len(known) < FEW else ""
                    hint = " ".join(filter(None, (nearest(word, known), few)))
                    raise SettingsError(f"Unknown {what}: {word!r}.", hint=hint)
        if not self.whole and not any(one in offer and self.shows(one) for one in registry.known):
            raise SettingsError(
                "No tool is left: no offered tool fits all of `effects`, `toolsets` and `names`.",
                hint="Give fewer of them, or more values in each.",
            )

    def shows(self, operation: Operation) -> bool:
        if self.whole:
            return True
        if operation.id in BY_LIST:
            return False
        return (
            (self.effects is None or operation.effect in self.effects)
            and (self.toolsets is None or operation.toolset in self.toolsets)
            and (self.names is None or not {operation.id, operation.tool}.isdisjoint(self.names))
        )

    def tools(self, offer: Offer) -> tuple[Tool, ...]:
        """What is listed and in sight, in the order of the toolsets. Raises `SettingsError` where
        nothing is, since the surface lists none of it."""
        listed = tuple(self.tool(one) for one in offer if self.shows(one))
        if not listed and not self.whole:
            raise SettingsError(
                f"The surface {offer.surface!r} lists none of the tools in this view.",
                hint='Open the toolkit with `surface="full"`, which lists all.',
            )
        return listed

    def tool(self, operation: Operation) -> Tool:
        from ..offer.tools import described

        out = self._fixed_of(operation).keys()
        schema: Json = {**operation.input_schema}
        schema["properties"] = {n: p for n, p in schema["properties"].items() if n not in out}
        required = [name for name in schema.pop("required", ()) if name not in out]
        return Tool(
            name=operation.tool,
            title=operation.title,
            description=described(operation),
            schema={**schema, "required": required} if required else schema,
            example={n: v for n, v in operation.example.items() if n not in out},
            effect=operation.effect,
            stakes=tuple(operation.worst),
            output_schema=operation.result,
            once=operation.repeatable == "never" or operation.effect == "reach",
        )

    def named(self, operation: Operation) -> dict[Kind, str]:
        """The words of `bind` that are no ids where this operation takes one."""
        taken = self._fixed_of(operation).keys()
        return {
            word: said
            for word in KINDS
            if isinstance(said := self.fixed.get(word), str) and not taken.isdisjoint(MEANT[word])
        }

    def filled(
        self, operation: Operation, arguments: Mapping[str, Any], ids: Mapping[str, int]
    ) -> Json:
        """The arguments with those that are fixed, `ids` in place of what is `named`. Raises
        `ArgumentError` where one of these is given: nobody else's word goes there."""
        fixed = replace(self, fixed={**self.fixed, **ids})._fixed_of(operation)
        taken = {p.wire: p.name for p in operation.parameters if p.name in fixed}
        for name in arguments:
            if name in fixed or name in taken:
                raise ArgumentError(
                    f"{operation.tool}: `{name}` is fixed here and cannot be chosen.",
                    hint="Leave it out.",
                )
        return {**arguments, **fixed}

    def _fixed_of(self, operation: Operation) -> Json:
        if not self.fixed:
            return {}
        from ..ground.operation import WORKFLOWS

        known = {p.name for p in operation.parameters}
        meant = MEANT_BY_TASKS if operation.toolset == WORKFLOWS else MEANT
        return {
            name: value
            for word, value in self.fixed.items()
            for name in meant.get(word, (word,))
            if name in known
        }


WHOLE: Final = View()


@dataclass(frozen=True, slots=True)
class InSight:
    """The operations of `offer` that `view` shows, for `in`."""

    view: View
    offer: Offer

    def __contains__(self, operation: Any) -> bool:
        return operation in self.offer and self.view.shows(operation)

    def why_not(self, operation: Operation) -> str:
        return self.offer.why_not(operation)


def _hold(word: str, value: Any) -> None:
    """Raise `SettingsError` for what an argument of this word cannot be fixed to."""
    empty = value is None or value == "" or (isinstance(value, str) and not value.strip())
    by_id = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if word in KINDS and not empty and not by_id and not isinstance(value, str):
        raise SettingsError(
            f"`{word}` must be bound to an id, a name or an address, not to {value!r}."
        )
    if empty or (word == "account" and not isinstance(value, str)):
        raise SettingsError(f"`{word}` cannot be bound to {value!r}.")


def _both(before: frozenset[str] | None, now: Words | None) -> frozenset[str] | None:
    if now is None:
        return before
    now = {now} if isinstance(now, str) else now
    return frozenset(now) if before is None else before & frozenset(now)
