"""A change of a client's file: computed first, backed up, and made in one step.

What a person or the client itself has written stays as it is. Whatever does not look as expected is
left alone, with an error that says so.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ...errors import StoreError
from ...ground.secrets import LOOPBACK
from .backups import Backups
from .difference import difference
from .jsonc import Broken, is_list, is_object
from .known_clients import HOW, KEYS, NAME, Client, Piece, Start
from .places import Machine

BY_HAND = "Nothing was changed. `aircall-mcp config {client}` prints what belongs there."


@dataclass(frozen=True, slots=True)
class Change:
    """`file` from what it holds to what it shall hold; None is no file. `asked` is the path by
    which it was found, which may be a link to it.
    """

    client: Client
    asked: Path
    file: Path
    before: bytes | None
    after: bytes | None

    @property
    def needed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """What will change, for a person to look at, with the values of others covered."""
        texts = _text(self.before), _text(self.after)
        there = [self.client.format.read(text) for text in texts]
        ours = [_value(one, path) for one in there for path in self.client.ours()]
        return difference(*texts, [*ours, ".".join(self.client.at)])

    def make(self, home: Path) -> Path:
        """Carry it out; gives where the former content is kept. Raises `StoreError`."""
        kept = Backups(home, self.file).keep(self.before)
        try:
            if _content(self.file) != self.before:
                raise StoreError(
                    f"{self.file} was changed by somebody else meanwhile.", hint="Run it again."
                )
            if self.after is None:
                self.file.unlink()
            else:
                _replace(self.file, self.after)
        except OSError as error:
            raise StoreError(
                f"{self.file} cannot be written: {os.strerror(error.errno or 0)}.",
                hint=BY_HAND.format(client=self.client.name),
            ) from None
        return kept


def written(client: Client, start: Start, machine: Machine) -> Change:
    """The change that puts our server into the client's file. Raises `StoreError`."""
    asked, file, before = _found(client, machine)
    with _telling(client, file):
        text = _text(before)
        there = client.format.read(text)
        _check_ours(client, file, there)
        pieces = [(path, _kept(_value(there, path), value)) for path, value in client.pieces(start)]
        after = _put(client, text, pieces)
        if not any(path == ("inputs",) for path, _ in pieces):
            for path in client.ours()[1:]:
                after = client.format.drop(after, path)
        now = client.format.read(after)
        _check_others(client, there, now)
        if _value(now, client.at) != pieces[-1][1]:
            raise Broken("it is written in a way that is not understood here")
    return Change(client, asked, file, before, after.encode())


def removed(client: Client, machine: Machine, home: Path) -> Change:
    """The change that takes it out: as it was before, byte by byte, where nobody changed the file
    since. Raises `StoreError`.
    """
    asked, file, before = _found(client, machine)
    if before is None:
        return Change(client, asked, file, None, None)
    with _telling(client, file):
        text = _text(before)
        there = client.format.read(text)
        present = [(path, value) for path in client.ours()
                   if (value := _value(there, path)) is not None]  # fmt: skip
        if not present:
            return Change(client, asked, file, before, before)
        _check_ours(client, file, there)
        known, former = _former(client, Backups(home, file))
        if known and _put(client, _text(former), _grouped(present)) == text:
            return Change(client, asked, file, before, former)
        after = text
        for path, _ in present:
            after = client.format.drop(after, path)
        if known:
            was: Any = client.format.read(_text(former)) or {}
            for top in {path[0] for path, _ in present} - set(was):
                now: Any = client.format.read(after) or {}
                if top in now and not now[top]:
                    after = client.format.drop(after, (top,))
        _check_others(client, there, client.format.read(after))
    return Change(client, asked, file, before, after.encode())


def entry_of(client: Client, machine: Machine) -> Mapping[str, Any] | None:
    """What the client's file says of our server now, None where it says nothing. Raises
    `StoreError`.
    """
    _, file, before = _found(client, machine)
    with _telling(client, file):
        there = client.format.read(_text(before))
        _check_ours(client, file, there)
        return cast("Mapping[str, Any] | None", _value(there, client.at))


def _former(client: Client, backups: Backups) -> tuple[bool, bytes | None]:
    """Whether it is known what stood there before we came, and what."""
    for content in backups.newest_first():
        with contextlib.suppress(Broken, UnicodeDecodeError):
            there = client.format.read(_text(content))
            if all(_value(there, path) is None for path in client.ours()):
                return True, content
    return False, None


def _put(client: Client, text: str, pieces: Sequence[Piece]) -> str:
    for path, value in pieces:
        text = client.format.put(text, path, value)
    return text


def _grouped(present: Sequence[Piece]) -> list[Piece]:
    """What was found one by one in the form in which it is put: items of a list together, first."""
    items = [value for path, value in present if path[0] == "inputs"]
    rest = [(path, value) for path, value in present if path[0] != "inputs"]
    return [*([(("inputs",), items)] if items else []), *rest]


def _value(there: Any, path: tuple[str, ...]) -> Any:
    """What stands at `path`, None where nothing does: a member, or the item of a list by its id."""
    for key in path:
        if is_list(there):
            there = next((one for one in there if is_object(one) and one.get("id") == key), None)
        else:
            there = there.get(key) if is_object(there) else None
    return there


def _kept(there: Any, value: Any) -> Any:
    """`value` with what a person or the client has added to ours, which stays in its place."""
    if not is_object(there) or not is_object(value):
        return value
    new = dict(value)
    starts = "command" in new or "cmd" in new
    for name, variables in HOW.items():
        old = there.get(name)
        if starts and variables and is_object(old):
            theirs = {key: one for key, one in old.items()
                      if key not in variables and one != f"${{input:{KEYS.get(key)}}}"}  # fmt: skip
            merged = {**theirs, **new.get(name, {})}
            if merged or name in new:
                new[name] = merged
    more = {key: one for key, one in there.items() if key not in HOW}
    return {**new, **more}


def _check_ours(client: Client, file: Path, there: Any) -> None:
    """Raise where the name is taken by another server."""
    entry = _value(there, client.at)
    if entry is None or _is_ours(entry):
        return
    raise StoreError(
        f"`{NAME}` in {file} is another server.",
        hint=f"Give it another name. {BY_HAND.format(client=client.name)}",
    )


def _is_ours(entry: Any) -> bool:
    if not is_object(entry):
        return False
    words: list[Any] = []
    for given in (entry.get(key) for key in ("command", "cmd", "args")):
        words += given if is_list(given) else [given]
    if any(re.search(r"\baircall[_-]mcp\b", str(word)) for word in words):
        return True
    urls = [entry.get(key) for key in ("url", "serverUrl", "httpUrl", "uri")]
    return any(isinstance(url, str) and urlsplit(url).hostname in LOOPBACK for url in urls)


def _check_others(client: Client, before: Any, after: Any) -> None:
    """Hold what was written against what was there: nothing but ours may differ."""
    if _others(client, before) != _others(client, after):
        raise Broken("it is written in a way that is not understood here")


def _others(client: Client, there: Any) -> Any:
    left: dict[str, Any] = dict(there or {})
    for top, name in client.ours():
        servers = left.get(top)
        rest: Any = servers
        if is_object(servers):
            rest = {key: one for key, one in servers.items() if key != name}
        elif is_list(servers):
            rest = [one for one in servers if not (is_object(one) and one.get("id") == name)]
        left[top] = rest or None
    return left


@contextlib.contextmanager
def _telling(client: Client, file: Path) -> Generator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise StoreError(
            f"{file} is not text in UTF-8.", hint=BY_HAND.format(client=client.name)
        ) from None
    except Broken as error:
        raise StoreError(
            f"{file} cannot be changed: {error}.", hint=BY_HAND.format(client=client.name)
        ) from None


def _found(client: Client, machine: Machine) -> tuple[Path, Path, bytes | None]:
    """The path by which the client reads its file, the file itself, and its content."""
    if client.where is None:
        raise StoreError(
            f"{client.title} has no file on this machine.",
            hint=f"`aircall-mcp config {client.name}` prints the steps.",
        )
    asked = client.where(machine)
    try:
        file = asked.resolve()
        return asked, file, _content(file)
    except (OSError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise StoreError(
            f"{asked} cannot be read: {said}.", hint=BY_HAND.format(client=client.name)
        ) from None


def _content(file: Path) -> bytes | None:
    try:
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{file} is not a plain file.")
    if found.st_nlink > 1:
        raise StoreError(
            f"{file} has a second name (a hard link), and a change would separate the two.",
            hint="Change it by hand, or make it a symbolic link.",
        )
    return file.read_bytes()


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8")


def _replace(file: Path, content: bytes) -> None:
    """Put `content` at `file` in one step, with the mode and the owner that it has."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(beside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
            if os.name == "posix" and file.exists():
                was = file.stat()
                with contextlib.suppress(PermissionError):  # a group that one is not in
                    os.fchown(new.fileno(), was.st_uid, was.st_gid)
                os.fchmod(new.fileno(), stat.S_IMODE(was.st_mode))
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
