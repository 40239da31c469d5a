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
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from pydantic_core import to_json

from ..errors import CredentialError
from .visible import clean, clean_json, is_clean

Purpose = Literal["sign a request", "exchange a token", "deliver an event"]

MASK = "[secret]"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHORTEST_SCRUBBED = 8
"""Characters. A shorter one stands in harmless text by chance."""
_MOST_OF_ONE = 12
"""Secrets of one owner that are masked: the last few renewals of a grant, which are two each."""
_MOST_ARRIVED = 300
_LONGEST_ARRIVED = 1_000
"""Characters of what arrived as data that are looked for as one: a longer one is so many pieces."""
_MOST_PIECES = 20  # of one that arrived: no token is that long
_FEW_WORDS = 60
"""Spellings up to which to look for each costs less than to pick the long words of a text."""
_FEW_FORMS = 150
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
    "AIRCALL_MCP_HTTP_KEY",
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
            hint=f"Credentials of this account go only to https://{host}.",
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


class Scrubbed(str):
    """Text that may leave: nothing unseen is in it, and every known secret is masked.

    Only a `Scrubber` makes one, and `cut` takes nothing else: of a secret that was cut first the
    beginning would be in nobody's list.
    """

    __slots__ = ()


Scrub = Callable[[str], Scrubbed]


def cut(text: Scrubbed, longest: int, end: str = "") -> Scrubbed:
    """The first `longest` characters of `text`, and `end` where something was cut off.

    The one place where text that leaves is cut. Raises `TypeError` for text that was not scrubbed.
    """
    if not isinstance(text, Scrubbed):  # pyright: ignore[reportUnnecessaryIsInstance]  # for whoever does not ask pyright
        raise TypeError("Only scrubbed text is cut.")
    if len(text) <= longest:
        return text
    # Of a family of four that was cut, no joiner stays behind.
    return Scrubbed(clean(text[:longest]) + end)


def last(text: Scrubbed, longest: int) -> Scrubbed:
    """The last `longest` characters of `text`. Raises `TypeError` as `cut` does."""
    if not isinstance(text, Scrubbed):  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
        raise TypeError("Only scrubbed text is cut.")
    return text if len(text) <= longest else Scrubbed(clean(text[len(text) - longest :]))


class Scrubber:
    """Finds known secrets by value, in the forms in which they could leave, and masks them."""

    def __init__(self) -> None:
        # By owner, the oldest first: each secret as the tuple of its forms.
        self._known: dict[str | None, dict[tuple[str, ...], None]] = {}
        self._forms = _Forms()
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
        if arrived and len(text) > _LONGEST_ARRIVED:
            for piece in range(_MOST_PIECES):
                at = piece * _LONGEST_ARRIVED
                self.learn(Secret(text[at : at + _LONGEST_ARRIVED]), arrived=True)
            return
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
        """Whether it may take long: up to 30 ms for 60 KB, where it else takes one."""
        return self._all().crowded

    def text(self, text: str) -> Scrubbed:
        """`text` without what is invisible, and with every known secret masked."""
        text, forms = clean(text), self._all()
        spans = [span for form in forms.found_in(text) for span in _places(form, text)]
        if "%" in text and _PERCENT.search(text):
            spans += _behind_percent(text, forms)
        if not spans:
            return Scrubbed(text)
        kept: list[str] = []
        done = 0
        for start, end in _merged(spans):
            kept += text[done:start], MASK
            done = end
        return Scrubbed("".join([*kept, text[done:]]))

    def json(self, value: Any) -> Any:
        """`value` (JSON), in keys and in values as `text` makes it."""
        return self.written(value)[0]

    def written(self, value: Any, text: str | None = None) -> tuple[Any, str]:
        """The same, and as it is written: what is looked through, `text` where that is known."""
        # What a string holds, its JSON holds as JSON writes it, which is a form, too. Nearly always
        # there is none: one look at the whole then spares a look at every string.
        whole, forms = _written(value) if text is None else text, self._all()
        if not is_clean(whole) or (("\\" in whole or "\x7f" in whole) and _UNSEEN.search(whole)):
            value = clean_json(value)
            whole = _written(value)
        found = forms.found_in(whole) or (
            "%" in whole and _PERCENT.search(whole) and forms.found_in(_read(whole))
        )
        value = self._masked(value) if found else value
        return value, _written(value) if found else whole

    def _all(self) -> _Forms:
        if self._stale:
            with self._lock:
                secrets = [one for known in self._known.values() for one in known]
                self._forms = _Forms({form for one in secrets for form in one})
                self._stale = False
        return self._forms

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self._masked(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            fields = cast("dict[Any, Any]", value)
            return {self.text(str(name)): self._masked(part) for name, part in fields.items()}
        return value


class _Forms:
    """All spellings to look for. Those that are one long word are looked for among the long words
    of a text alone, of which there are few; where spellings are many, each place is looked up
    instead of each of them, so that very many cost no more than a few hundred."""

    def __init__(self, forms: Iterable[str] = ()) -> None:
        words: list[str] = []
        others: list[str] = []
        for form in forms:
            (words if _WORD.fullmatch(form) else others).append(form)
        if len(words) <= _FEW_WORDS:
            words, others = [], others + words
        self._words = _Sought(words)
        self._others = _Sought(others)
        self.crowded = self._words.crowded or self._others.crowded

    def found_in(self, text: str) -> set[str]:
        """The spellings that are in `text`."""
        found = self._others.found_in(text)
        if self._words and (words := "\n".join(_WORD.findall(text))):
            found |= self._words.found_in(words)
        return found


class _Sought:
    def __init__(self, forms: Sequence[str]) -> None:
        self._few = forms
        self._starts: dict[str, set[str]] = {}
        self.crowded = len(forms) > _FEW_FORMS
        for form in forms if self.crowded else ():
            self._starts.setdefault(form[:_SHORTEST_SCRUBBED], set()).add(form)

    def __bool__(self) -> bool:
        return bool(self._few)

    def found_in(self, text: str) -> set[str]:
        if not self.crowded:
            return {form for form in self._few if form in text}
        starts, size = self._starts, _SHORTEST_SCRUBBED
        begun = {
            start for at in range(len(text) - size + 1) if (start := text[at : at + size]) in starts
        }
        return {form for start in begun for form in starts[start] if form in text}


def scrubber_for(environment: Mapping[str, str]) -> Scrubber:
    """One that knows the secrets of `environment`."""
    scrubber = Scrubber()
    pair = Secret(environment.get("AIRCALL_API_ID", "").strip())
    for name in VARIABLES:
        if text := environment.get(name, "").strip():
            scrubber.learn(Secret(text), owner=name, pair=pair)
    return scrubber


_UNSEEN = re.compile(r"\\[urbf]|\x7f")
"""In JSON of ASCII: what may be a sign that nobody sees."""
_WORD = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_PERCENT = re.compile(r"%(?:(?:25)*+[0-9A-Fa-f]{2}|(?:25)+)")
"""A byte as a URL writes it, and a URL within a URL."""
_ESCAPED = re.compile(f"{_PERCENT.pattern}(?:{_PERCENT.pattern})*")


def _written(value: Any) -> str:
    """`value` as JSON, every letter as it is; half a letter is one that only Python's writes."""
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except (ValueError, TypeError):
        return json.dumps(value, ensure_ascii=False)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(lambda escaped: _letters(escaped[0]), text)


def _read(whole: str) -> str:
    """What is written in `whole` (JSON), with what a URL and JSON escape in it as it is read."""
    if "\\" in whole:
        for written, letter in _AS_JSON:
            whole = whole.replace(written, letter)
    return _unquoted(whole)


def _letters(escaped: str) -> str:
    raw = bytes(int(one[-2:], 16) for one in _PERCENT.findall(escaped))
    return raw.decode("utf-8", "surrogateescape")


def _behind_percent(text: str, forms: _Forms) -> list[tuple[int, int]]:
    """Where secrets are in `text`, of which any byte may be written as `%41`."""
    plain = _unquoted(text)
    found = forms.found_in(plain)
    if not found:
        return []
    ends = [0]  # of each letter of `plain`, where it ends in `text`
    at = 0
    for escaped in _ESCAPED.finditer(text):
        ends += range(at + 1, escaped.start() + 1)
        bytes_of = iter(_PERCENT.finditer(text, *escaped.span()))
        for letter in _letters(escaped[0]):
            for _ in letter.encode("utf-8", "surrogateescape"):
                at = next(bytes_of).end()
            ends.append(at)
    ends += range(at + 1, len(text) + 1)
    return [(ends[start], ends[end]) for form in found for start, end in _places(form, plain)]


def _places(form: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places in order, those that overlap as one."""
    start, end = -1, -1
    for first, last in sorted(spans):
        if first >= end:
            if end > 0:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    yield start, end


def _forms_of(secret: str) -> Iterable[str]:
    """How `secret` may be written. What a URL escapes is found by itself, wherever it stands."""
    if len(secret) < _SHORTEST_SCRUBBED:
        return
    raw = _bytes_of(secret)
    spelled = [raw.hex(), raw.hex().upper()]
    for before in range(3):
        # Of what stands before and behind it in the same base64 nothing is known: the letters that
        # are its own alone.
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        own = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        spelled += own, own.translate(_URLSAFE)
    # Of what is unseen in it nothing leaves, and what a URL escapes is looked for as it is read.
    for plain in dict.fromkeys((secret, clean(secret), _unquoted(secret))):
        text = plain
        spelled += text, repr(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
        for _ in range(_DEEPEST_JSON):
            text = json.dumps(text)[1:-1]
            spelled.append(text)
    for text in spelled:
        if len(text) >= _SHORTEST_SCRUBBED:
            yield text
            yield text.replace("/", "\\/")  # as others write it in JSON


_DEEPEST_JSON = 3  # levels of JSON within JSON
_AS_JSON = (("\\\\", "\\"), ('\\"', '"'), ("\\n", "\n"), ("\\t", "\t"))
_URLSAFE = str.maketrans("+/", "-_")


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a variable, or JSON, may hold half a character
