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
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, Literal, NoReturn, TypeVar, cast
from urllib.parse import quote, urlsplit

from ..errors import CredentialError

Purpose = Literal["sign a request", "exchange a token", "deliver an event"]

MASK = "[secret]"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHORTEST_SCRUBBED = 8
"""Characters. A shorter one stands in harmless text by chance."""
_MOST_OF_ONE = 12
"""Secrets of one owner that are masked: the last few renewals of a grant, which are two each."""
_MOST_ARRIVED = 300
_LONGEST_ARRIVED = 1_000
"""Characters of what arrived as data that are looked for; no token is that long."""
_SHOWN = (60, 80)
"""Characters at which an error cuts what it quotes."""
_FEW_FORMS = 100
"""Spellings up to which each is looked for by itself, which is quicker."""
VARIABLES = (
    "AIRCALL_API_ID",
    "AIRCALL_API_TOKEN",
    "AIRCALL_ACCESS_TOKEN",
    "AIRCALL_CLIENT_ID",
    "AIRCALL_CLIENT_SECRET",
    "AIRCALL_MCP_VAULT_KEY",
    "AIRCALL_MCP_VAULT_NEW_KEY",
    "AIRCALL_MCP_VAULT_PASSPHRASE",
    "AIRCALL_MCP_VAULT_NEW_PASSPHRASE",
    "AIRCALL_MCP_FORWARD_URL",
)
"""Of the environment: what stands in these is secret."""
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

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse  # type: ignore[assignment]  # by none of the ways out

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
    return secret._text  # pyright: ignore[reportPrivateUsage]  # the one way out


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


def secrets_in(value: Any, names: Container[str]) -> Iterator[Secret]:
    """The texts in `value` (JSON) that stand under one of `names`, at any depth."""
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from secrets_in(item, names)
    elif isinstance(value, dict):
        for name, part in cast("dict[str, Any]", value).items():
            if name in names and isinstance(part, str):
                yield Secret(part)
            else:
                yield from secrets_in(part, names)


def unsealed(text: bytes) -> Any:
    """What was sealed, its secrets as `Secret` again. Raises `ValueError` for anything else."""

    def wrapped(item: dict[str, Any]) -> Any:
        return Secret(item[_MARK]) if item.keys() == {_MARK} else item

    return json.loads(text, object_hook=wrapped)


class Scrubber:
    """Finds known secrets by value, in the forms in which they could leave, and masks them."""

    def __init__(self) -> None:
        # By owner, the oldest first: each secret as the tuple of its forms.
        self._known: dict[str | None, dict[tuple[str, ...], None]] = {}
        self._starts: dict[str, set[str]] = {}
        self._few: tuple[str, ...] | None = ()
        self._stale = False
        self._lock = threading.Lock()  # what came in a large answer is learned on another thread

    def learn(
        self,
        secret: Secret,
        *,
        owner: str = "",
        pair: Secret | None = None,
        arrived: bool = False,
    ) -> None:
        """Mask `secret` from now on; with `pair` also `base64(pair:secret)`, as Basic writes it.

        Of each `owner` (an account) only the latest are masked: what a renewed token replaced opens
        nothing. What `arrived` was sent by somebody else as data: a flood of it displaces only its
        like.
        """
        text = secret._text  # pyright: ignore[reportPrivateUsage]  # stays inside, to be hidden
        if arrived:
            text = text[:_LONGEST_ARRIVED]
        forms = dict.fromkeys(_forms_of(text))
        if pair is not None:
            joined = f"{pair._text}:{text}"  # pyright: ignore[reportPrivateUsage]  # as above
            forms |= dict.fromkeys(_forms_of(base64.b64encode(_bytes_of(joined)).decode()))
        if not forms:
            return
        one = tuple(forms)
        with self._lock:
            known = self._known.setdefault(None if arrived else owner, {})
            if one in known:
                del known[one]  # it becomes the latest
            else:
                self._stale = True
            known[one] = None
            if len(known) > (_MOST_ARRIVED if arrived else _MOST_OF_ONE):
                del known[next(iter(known))]

    @property
    def crowded(self) -> bool:
        """Whether it takes long: some 30 ms for 60 KB, where it else takes one."""
        if self._stale:
            self._index()
        return self._few is None

    def text(self, text: str) -> str:
        """`text` with every known secret masked."""
        found = self._found(text)
        if not found:
            return text
        longest_first = sorted(found, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), MASK, text)

    def json(self, value: Any) -> Any:
        """`value` (JSON) with every known secret masked, in keys and in values."""
        # What a string holds, its JSON holds as JSON writes it, which is a form, too. Nearly always
        # there is none: one look at the whole then spares a look at every string.
        return self._masked(value) if self._found(json.dumps(value)) else value

    def _found(self, text: str) -> set[str]:
        """The forms that are in `text`."""
        if self._stale:
            self._index()
        if self._few is not None:
            return {form for form in self._few if form in text}
        starts, size = self._starts, _SHORTEST_SCRUBBED
        begun = {
            start for at in range(len(text) - size + 1) if (start := text[at : at + size]) in starts
        }
        return {form for start in begun for form in starts[start] if form in text}

    def _index(self) -> None:
        """Ask anew what there is to look for. To have very many costs no more than a few hundred:
        each place of a text is looked up, not each form.
        """
        with self._lock:
            self._stale = False
            secrets = [one for known in self._known.values() for one in known]
        forms = {form for one in secrets for form in one}
        starts: dict[str, set[str]] = {}
        for form in forms:
            starts.setdefault(form[:_SHORTEST_SCRUBBED], set()).add(form)
        self._starts = starts
        self._few = tuple(forms) if len(forms) <= _FEW_FORMS else None

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._masked(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, dict):
            return {self.text(str(k)): self._masked(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return value


def scrubber_for(environment: Mapping[str, str]) -> Scrubber:
    """One that knows the secrets of `environment`, also where an error quotes only their start."""
    scrubber = Scrubber()
    pair = Secret(environment.get("AIRCALL_API_ID", "").strip())
    for name in VARIABLES:
        text = environment.get(name, "").strip()
        for end in (*_SHOWN, None) if text else ():
            scrubber.learn(Secret(text[:end]), owner=name, pair=pair)
    return scrubber


def _forms_of(text: str) -> Iterable[str]:
    if len(text) < _SHORTEST_SCRUBBED:
        return
    raw, written = _bytes_of(text), json.dumps(text)[1:-1]
    yield text
    yield quote(raw, safe="")
    yield written
    yield json.dumps(written)[1:-1]  # JSON within JSON
    yield repr(text)[1:-1]
    yield raw.hex()
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a variable, or JSON, may hold half a character
