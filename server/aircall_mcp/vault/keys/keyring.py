"""A key in the keyring of the system."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ...errors import CredentialError
from ..envelope import KEY_BYTES, Key, Random
from .desktop import TRUSTED_BACKENDS, Backend, failure, system_backend, would_ask
from .holder import Kind

T = TypeVar("T")

_SILENCE = 30.0
"""Seconds in which nobody waits again for a keyring that did not answer and still does not."""

_OTHER_WAYS = (
    "Choose another place for the key: `--key file`, `--key environment` or `--key passphrase`,"
    " with `aircall-mcp vault init` or, where there is a vault, with `aircall-mcp vault rotate`."
)
_UNLOCK_OR_MOVE = (
    "Unlock it (any `aircall-mcp accounts` command waits for you), then try again. To do without"
    " it, run `aircall-mcp vault rotate --key file` once from a desktop session."
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One of the two entries. `number` counts the writes: odd and even take turns."""

    number: int
    keys: tuple[str, ...]
    anchors: tuple[str, ...]


class KeyringHolder:
    """The keyring of the system, in two entries written in turn: a torn write spoils one of them.

    `patience` bounds in seconds how long the keyring may take, None for as long as a person needs.
    """

    kind: Kind = "keyring"
    USER = "aircall-mcp"

    def __init__(
        self,
        home: Path,
        *,
        find: Callable[[], Backend | None] = system_backend,
        trusted: Sequence[str] = TRUSTED_BACKENDS,
        patience: float | None = 5.0,
        random: Random = os.urandom,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = f"aircall-mcp vault of {home}"
        self._find = find
        self._trusted = trusted
        self._patience = patience
        self._random = random
        self._clock = clock
        self._found: Backend | None = None
        self._waiting: Future[Any] | None = None
        self._silent_until = 0.0

    @property
    def where(self) -> str:
        if self._found is None:
            return "the keyring of this system"
        return f"the keyring of this system ({type(self._found).__module__.rpartition('.')[2]})"

    def keys(self, note: str) -> Sequence[Key]:  # noqa: ARG002 - a keyring needs no note
        entry = self._newest()
        if not entry.keys:
            raise CredentialError(
                f"The keyring has no key for this vault ({self._name}).",
                hint="Was the directory moved? Move it back. Or unlock the right keyring.",
            )
        return self._written(entry)

    def ready(self, *, first: bool) -> None:  # noqa: ARG002 - a keyring is one or is none
        self._newest(hint=_OTHER_WAYS)

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        if keep is None:
            self._probe()
        entry = self._newest()
        if keep is None and entry.keys:
            return self._written(entry)[0], ""
        key = Key(self._random(KEY_BYTES))
        held = (key.text(),) if keep is None else (key.text(), keep.text())
        self._write(_Entry(entry.number + 1, held, entry.anchors))
        return key, ""

    def settle(self, key: Key) -> None:
        entry = self._newest()
        if entry.keys != (key.text(),):
            # Written twice: the other entry must not keep the old key either.
            for number in (1, 2):
                self._write(_Entry(entry.number + number, (key.text(),), entry.anchors))

    def anchors(self) -> Sequence[str]:
        return self._newest().anchors

    def anchor(self, lines: Sequence[str]) -> None:
        entry = self._newest()
        self._write(_Entry(entry.number + 1, entry.keys, tuple(lines)))

    def forget(self) -> None:
        def forget(backend: Backend) -> None:
            for entry in map(self._name_of, (0, 1)):
                if backend.get_password(entry, self.USER) is not None:
                    backend.delete_password(entry, self.USER)

        self._call(forget)

    def _name_of(self, number: int) -> str:
        return f"{self._name} / {number % 2 + 1}"

    def _written(self, entry: _Entry) -> list[Key]:
        try:
            return [Key.written(text) for text in entry.keys]
        except ValueError:
            raise CredentialError(
                "The key in the keyring is damaged.",
                hint=f"Restore the keyring from a backup; or remove its entries {self._name_of(0)}"
                " and 2, if no vault was ever made with them.",
            ) from None

    def _newest(self, *, hint: str = "") -> _Entry:
        def read(backend: Backend) -> list[str | None]:
            return [backend.get_password(self._name_of(e), self.USER) for e in (0, 1)]

        return max(map(_read, self._call(read, hint=hint)), key=lambda entry: entry.number)

    def _write(self, entry: _Entry) -> None:
        text = json.dumps([entry.number, entry.keys, entry.anchors], separators=(",", ":"))
        service = self._name_of(entry.number)

        def write(backend: Backend) -> str | None:
            backend.set_password(service, self.USER, text)
            return backend.get_password(service, self.USER)

        if self._call(write) != text:
            raise CredentialError(
                "The keyring did not keep what was written to it.", hint=_UNLOCK_OR_MOVE
            )

    def _probe(self) -> None:
        """Write, read, compare, delete: some backends accept everything and keep nothing."""
        service, word = f"{self._name} / probe", self._random(8).hex()

        def probe(backend: Backend) -> bool:
            backend.set_password(service, self.USER, word)
            kept = backend.get_password(service, self.USER) == word
            if kept:
                backend.delete_password(service, self.USER)
            return kept

        if not self._call(probe, hint=_OTHER_WAYS):
            raise CredentialError(
                "The keyring does not keep what is stored in it.", hint=_OTHER_WAYS
            )

    def _call(self, work: Callable[[Backend], T], *, hint: str = "") -> T:
        """`work` in a thread of its own: a locked keyring may wait for a person for ever.

        `hint` helps better than the usual one where no vault depends on this keyring yet.
        """
        hint = hint or _UNLOCK_OR_MOVE
        try:
            if self._waiting is not None and self._clock() >= self._silent_until:
                wait([self._waiting], self._patience)
            if self._waiting is None or self._waiting.done():
                # One thread at most: a keyring that hangs would gather them all.
                self._waiting = started = _started(lambda: self._unasked(work))
                return started.result(self._patience)
        except TimeoutError:
            pass
        except CredentialError as error:
            raise CredentialError(error.message, hint=hint) from None
        except Exception as error:
            raise CredentialError(failure(error), hint=hint) from None
        if self._clock() >= self._silent_until:
            self._silent_until = self._clock() + _SILENCE
        raise CredentialError("The keyring does not answer; it may be locked.", hint=hint)

    def _unasked(self, work: Callable[[Backend], T]) -> T:
        """`work`, but where nobody can be waited for, nobody is asked."""
        backend = self._backend()
        if self._patience is not None and would_ask(backend, self.USER):
            raise CredentialError("The keyring is locked.")
        return work(backend)

    def _backend(self) -> Backend:
        if self._found is None:
            backend = self._find()
            if backend is None:
                raise CredentialError("This system has no keyring we trust.")
            cls = type(backend)
            if f"{cls.__module__}.{cls.__qualname__}" not in self._trusted:
                raise CredentialError(
                    f"The keyring {cls.__module__}.{cls.__qualname__} is not one we trust."
                )
            self._found = backend
        return self._found


def _started(work: Callable[[], T]) -> Future[T]:
    """`work`, begun in a thread that no exit waits for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    return future


def _read(text: str | None) -> _Entry:
    """The entry as it was written; an empty one for whatever else stands there."""
    try:
        found: Any = json.loads(text or "[0, [], []]")
        number, keys, anchors = found
        return _Entry(int(number), tuple(map(str, keys)), tuple(map(str, anchors)))
    except (ValueError, TypeError, RecursionError):
        return _Entry(0, (), ())
