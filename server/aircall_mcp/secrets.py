"""Values that never print, revealed in one function.

A `Secret` hides from repr, str, format, pickle, copy and JSON. `reveal` is the only way out: it
gives the text for a named purpose, and only towards the one host the secret is meant for. Every
secret that was ever made here is also scrubbed by value from what leaves the process.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

from .errors import CredentialError

Purpose = Literal["sign a request", "exchange a token", "deliver an event"]

MASK = "[secret]"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHORTEST_SCRUBBED = 8
_MOST_FORMS = 3_000
_FEW_FORMS = 100
_MARK = "\x00secret"
"""A key that no JSON of ours or of Aircall's has: what stands under it is a secret."""

T = TypeVar("T")


class Secret:
    """A string that does not print, pickle, copy or serialise."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("A secret cannot be copied or serialised.")

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse  # type: ignore[assignment]  # every door out is shut

    @property
    def tail(self) -> str:
        """The last four characters of a long secret, for a person to recognise it by."""
        return f"…{self._text[-4:]}" if len(self._text) >= 12 else "…"


def reveal(secret: Secret, purpose: Purpose, url: str, *, host: str) -> str:
    """The text of `secret`, for `purpose`, towards `url`.

    Only https to exactly `host`, or loopback where `host` is loopback too (the sandbox). Raises
    `CredentialError` for any other place; the message names the place, never the secret.
    """
    there = urlsplit(url)
    pinned = there.hostname == host
    if not pinned or (there.scheme != "https" and there.hostname not in LOOPBACK):
        raise CredentialError(
            f"Refused to {purpose} for {there.scheme}://{there.hostname}.",
            hint=f"Credentials of this account only go to https://{host}.",
        )
    return secret._text  # pyright: ignore[reportPrivateUsage]  # the one door


def inside(secret: Secret, use: Callable[[bytes], T]) -> T:
    """What `use` makes of the bytes of `secret`, for what stays in here: deriving a key."""
    return use(secret._text.encode())  # pyright: ignore[reportPrivateUsage]  # stays inside


def sealed(value: Any, seal: Callable[[bytes], str]) -> str:
    """`value` (JSON with secrets among its values) closed by `seal`, which alone sees the text.

    Raises `TypeError` for anything that is neither JSON nor a `Secret`.
    """

    def marked(item: object) -> dict[str, str]:
        if isinstance(item, Secret):
            return {_MARK: item._text}  # pyright: ignore[reportPrivateUsage]  # into the seal
        raise TypeError(f"{type(item).__name__} cannot be sealed.")

    return seal(json.dumps(value, default=marked, separators=(",", ":")).encode())


def unsealed(text: bytes) -> Any:
    """What was sealed, its secrets as `Secret` again. Raises `ValueError` for anything else."""

    def wrapped(item: dict[str, Any]) -> Any:
        return Secret(item[_MARK]) if item.keys() == {_MARK} else item

    return json.loads(text, object_hook=wrapped)


class Scrubber:
    """Finds known secrets by value, in the forms in which they could leave, and masks them."""

    def __init__(self) -> None:
        self._forms: dict[str, str] = {}
        self._compiled: tuple[re.Pattern[str], re.Pattern[str]] | None = None

    def learn(self, secret: Secret, *, pair: Secret | None = None) -> None:
        """Mask `secret` from now on; with `pair` also `base64(pair:secret)`, as Basic writes it.

        Of very many only the latest are masked: what a renewed token replaced opens nothing.
        """
        text = secret._text  # pyright: ignore[reportPrivateUsage]  # stays inside, to be hidden
        forms = list(_forms_of(text))
        if pair is not None:
            joined = f"{pair._text}:{text}"  # pyright: ignore[reportPrivateUsage]  # as above
            forms += _forms_of(base64.b64encode(joined.encode()).decode())
        for form in forms:
            if self._forms.pop(form, None) is None:
                self._compiled = None
            self._forms[form] = json.dumps(form)[1:-1]
        while len(self._forms) > _MOST_FORMS:
            del self._forms[next(iter(self._forms))]

    def text(self, text: str) -> str:
        return self._patterns()[0].sub(MASK, text) if self._forms else text

    def json(self, value: Any) -> Any:
        """`value` (JSON) with every known secret masked, in keys and in values."""
        # A string holds a form exactly where its JSON holds the escaped form, and nearly always
        # there is none: one look at the whole then spares a look at every string.
        written = json.dumps(value)
        if len(self._forms) <= _FEW_FORMS:
            found = any(form in written for form in self._forms.values())
        else:
            found = self._patterns()[1].search(written) is not None
        return self._masked(value) if found else value

    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """For the forms, and for the forms as JSON writes them."""
        if self._compiled is None:
            self._compiled = (
                re.compile(_any_of(list(self._forms))),
                re.compile(_any_of(list(self._forms.values()))),
            )
        return self._compiled

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._masked(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, dict):
            return {self.text(str(k)): self._masked(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return value


def _any_of(forms: list[str], depth: int = 3) -> str:
    """A pattern for the longest of `forms`, branching on their first characters: many stay fast."""
    if depth == 0 or len(forms) == 1:
        return "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    branches: dict[str, list[str]] = {}
    for form in forms:
        branches.setdefault(form[0], []).append(form[1:])
    return "|".join(
        f"{re.escape(first)}(?:{_any_of(rest, depth - 1)})" for first, rest in branches.items()
    )


def _forms_of(text: str) -> Iterable[str]:
    if len(text) < _SHORTEST_SCRUBBED:
        return
    raw = text.encode()
    yield text
    yield quote(text, safe="")
    yield json.dumps(text)[1:-1]
    yield raw.hex()
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
