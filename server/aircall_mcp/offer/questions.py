"""What a person must say yes to, in words by which the person can decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

from pydantic_core import to_json

from ..errors import NotAllowed
from ..ground.operation import Bound
from ..ground.secrets import MASK, Scrub, Scrubbed
from ..ground.visible import clean, escaped

LONGEST_SHOWN = 20_000
"""Characters that a person is shown of one call. Nobody says yes to what they have not seen: what
is longer is not asked for."""

Named: TypeAlias = Mapping[tuple[str, int | str], str]
"""What the ids and numbers among the arguments are called, by the argument's name and these."""

EFFECT_WORDS = {
    "read": "It reads.",
    "write": "It changes the company's data.",
    "reach": "It reaches a person or costs money, and cannot be taken back.",
    "delete": "It deletes, and cannot be taken back.",
}


def preview_of(
    bound: Bound,
    account: str | None,
    why: str,
    scrub: Scrub,
    besides: Iterable[str] = (),
    names: Named | None = None,
) -> Scrubbed:
    """The operation, each argument whole on a line of its own with what its ids are called, what is
    to be known `besides`, what is at stake, and why it is asked; of a plan each step, in its order.
    Raises `NotAllowed` for more than a person can judge.

    Arguments are a model's words, and names are strangers': they stand as JSON, so that none of
    them looks like a line of ours.
    """
    operation, names = bound.operation, names or {}
    lines = _lines_of(bound, scrub, names)
    if bound.steps:
        lines = [f"A plan of {len(bound.steps)} steps: one yes is for all of them, in this order"]
        for number, step in enumerate(bound.steps, 1):
            title, *arguments = _lines_of(step, scrub, names)
            lines += [f"{number}. {title}", *arguments]
    lines += map(_line, besides)
    if account:
        lines.append(f"Account: {_line(account)}")
    lines += [EFFECT_WORDS[effect] for effect in bound.effects]
    lines += [f"It {word}: {because}" for word, because in bound.stakes.items()]
    lines.append(f"Why you are asked: {_line(why)}")
    preview = scrub("\n".join(lines))
    if len(preview) > LONGEST_SHOWN:
        raise NotAllowed(
            f"{operation.tool} needs a person's yes, and is too long for a person to read:"
            f" {len(preview)} characters, of at most {LONGEST_SHOWN}.",
            hint="Ask for less at a time.",
        )
    return preview


def _lines_of(bound: Bound, scrub: Scrub, names: Named) -> list[str]:
    operation = bound.operation
    return [
        f"{operation.title} ({operation.tool})",
        *(
            f"  {clean(name)}: {_shown(value, scrub, secret=name in operation.answer.secrets)}"
            f"{_called(name, value, names)}"
            for name, value in bound.arguments.items()
        ),
    ]


def _called(name: str, value: Any, names: Named) -> str:
    """What the ids and numbers are called that an argument is or lists; nothing where one is not
    known."""
    ids = cast("list[Any]", value) if isinstance(value, list) else [value]
    known = [names.get((name, one), "") for one in ids if isinstance(one, int | str)]
    told = ", ".join(to_json(_line(one)).decode() for one in known)
    return f" ({told})" if known and all(known) else ""


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _shown(value: Any, scrub: Scrub, *, secret: bool) -> str:
    if secret:
        return MASK
    said = to_json(value).decode()
    seen = scrub(said)
    # What nobody sees is sent all the same, and may turn what is read there around.
    return seen if seen != clean(said) else scrub(escaped(said))
