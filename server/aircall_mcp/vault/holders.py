"""Where the key of a vault lives: in the keyring, a file, the environment, or a person's head.

A holder keeps one key, two while the key is being changed, and the lines of the anchor. Which one
is used is chosen when the vault is made and written in it; there is no falling back from one to
another, and never to nothing.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, cast

from ..errors import CredentialError
from ..ground.secrets import Secret, inside
from ..storage.private_files import Modes
from .envelope import KEY_BYTES, Key, Random

T = TypeVar("T")
Kind = Literal["keyring", "file", "environment", "passphrase"]

KEY_VARIABLE = "AIRCALL_MCP_VAULT_KEY"
NEW_KEY_VARIABLE = "AIRCALL_MCP_VAULT_NEW_KEY"
FROM_PASSPHRASE = "AIRCALL_MCP_VAULT_PASSPHRASE"  # noqa: S105 - a name
FROM_NEW_PASSPHRASE = "AIRCALL_MCP_VAULT_NEW_PASSPHRASE"  # noqa: S105 - a name

Ask = Callable[[bool], Secret | None]
"""A person's passphrase, or the new one when asked with True; None where nobody can say."""

_MAKE_A_KEY = "openssl rand -base64 32"


class Holder(Protocol):
    """Holds the key. Every method raises `CredentialError` with what a person can do about it."""

    kind: Kind

    @property
    def where(self) -> str:
        """Where the key is, in words for a person."""
        ...

    def keys(self, note: str) -> Sequence[Key]:
        """The keys there are. `note` is what `renew` gave for the key in use."""
        ...

    def ready(self, *, first: bool) -> None:
        """Have whatever a person must give for `renew`, so that it asks nobody: it is called while
        others wait. `first` says that the vault is only being made.
        """
        ...

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        """Another key, held from now on beside `keep`, and the note to find it by."""
        ...

    def settle(self, key: Key) -> None:
        """Let go of every key but `key`, and of what a process left that was killed."""
        ...

    def anchors(self) -> Sequence[str]: ...

    def anchor(self, lines: Sequence[str]) -> None:
        """Keep these lines instead of those there are."""
        ...

    def forget(self) -> None:
        """Let go of every key: the vault has moved to another holder."""
        ...


class _Beside:
    """The anchor as a file in the vault's directory, for holders that cannot write themselves."""

    def __init__(self, home: Path, modes: Modes) -> None:
        self._home = home
        self._modes = modes
        self._anchor = home / "vault.anchor"

    def anchors(self) -> Sequence[str]:
        content = self._modes.read(self._anchor)
        return () if content is None else content.decode("utf-8", "replace").splitlines()

    def anchor(self, lines: Sequence[str]) -> None:
        if lines:
            self._modes.directory(self._home)
            self._modes.replace(self._anchor, "".join(f"{line}\n" for line in lines).encode())
        else:
            self._modes.remove(self._anchor)

    def ready(self, *, first: bool) -> None:
        """Nobody is asked."""

    def settle(self, key: Key) -> None:  # noqa: ARG002 - nothing of the key is held here
        self._modes.tidy(self._anchor)

    def forget(self) -> None:
        """Nothing of the key is held here."""


class KeyFileHolder(_Beside):
    """A private file with the key in base64; a second line is the key it replaces."""

    kind: Kind = "file"

    def __init__(
        self,
        home: Path,
        *,
        file: Path | None = None,
        modes: Modes | None = None,
        random: Random = os.urandom,
    ) -> None:
        super().__init__(home, modes or Modes())
        self._file = file or home / "vault.key"
        self._random = random

    @property
    def where(self) -> str:
        return f"the file {self._file}"

    def keys(self, note: str) -> Sequence[Key]:  # noqa: ARG002 - a file needs no note
        content = self._modes.read(self._file)
        if content is None:
            raise CredentialError(
                f"The vault's key file {self._file} is missing.",
                hint="Put it back; without it nothing in the vault can be read.",
            )
        try:
            keys = [Key.written(line) for line in content.split()]
        except ValueError:
            keys = []
        if not keys:
            raise CredentialError(
                f"The vault's key file {self._file} is damaged: it holds no key.",
                hint="Restore it from a backup; or remove it, if no vault was ever made with it.",
            )
        return keys

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        if keep is None and self._modes.read(self._file):
            return self.keys("")[0], ""
        key = Key(self._random(KEY_BYTES))
        self._write([key] if keep is None else [key, keep])
        return key, ""

    def settle(self, key: Key) -> None:
        super().settle(key)
        if list(self.keys("")) != [key]:
            self._write([key])
        self._modes.tidy(self._file)

    def forget(self) -> None:
        self._modes.remove(self._file)
        self._modes.tidy(self._file)

    def _write(self, keys: Sequence[Key]) -> None:
        self._modes.directory(self._home)
        self._modes.replace(self._file, "".join(f"{key.text()}\n" for key in keys).encode())


class EnvironmentHolder(_Beside):
    """`AIRCALL_MCP_VAULT_KEY`, for containers; `AIRCALL_MCP_VAULT_NEW_KEY` during a rotation."""

    kind: Kind = "environment"

    def __init__(
        self, home: Path, environment: Mapping[str, str], *, modes: Modes | None = None
    ) -> None:
        super().__init__(home, modes or Modes())
        self._environment = environment

    @property
    def where(self) -> str:
        return f"the environment variable {KEY_VARIABLE}"

    def keys(self, note: str) -> Sequence[Key]:  # noqa: ARG002 - a variable needs no note
        found = [self._key(name) for name in (KEY_VARIABLE, NEW_KEY_VARIABLE)]
        keys = [key for key in found if key is not None]
        if not keys:
            raise CredentialError(
                f"The vault's key is missing: {KEY_VARIABLE} is not set.",
                hint=f"Set {KEY_VARIABLE} where this server is started.",
            )
        return keys

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        name = KEY_VARIABLE if keep is None else NEW_KEY_VARIABLE
        key = self._key(name)
        if key is None or key == keep:
            raise CredentialError(
                f"{name} must hold {'a' if keep is None else 'another'} key.",
                hint=f"Make one with `{_MAKE_A_KEY}`, keep it safe, and set {name} to it.",
            )
        return key, ""

    def _key(self, name: str) -> Key | None:
        text = self._environment.get(name)
        if not text:
            return None
        try:
            return inside(Secret(text), Key.written)
        except ValueError:
            raise CredentialError(
                f"{name} holds no key: it must be 32 bytes in base64.",
                hint=f"Make one with `{_MAKE_A_KEY}`.",
            ) from None


@dataclass(frozen=True, slots=True)
class Argon2id:
    """How hard a passphrase is to guess: `memory` in KiB, 16 bytes of salt, in hex."""

    salt: str
    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        bounds = (
            (len(bytes.fromhex(self.salt)), 16, 64),
            (self.memory, 64 * 1024, 1024 * 1024),
            (self.passes, 3, 16),
            (self.lanes, 1, 16),
        )
        if any(type(value) is not int or not low <= value <= high for value, low, high in bounds):
            raise ValueError("These parameters are weaker than we ever write, or absurd.")

    @classmethod
    def noted(cls, note: str) -> Argon2id:
        """The parameters of a note. Raises `CredentialError` for weaker ones than we write."""
        try:
            found: Any = json.loads(note)
            return cls(**cast("dict[str, Any]", found))
        except (ValueError, TypeError, RecursionError):
            raise CredentialError(
                "The vault asks for a weaker passphrase derivation than it was made with.",
                hint="Somebody may have changed the file. Restore the vault from a backup.",
            ) from None

    def key(self, passphrase: Secret) -> Key:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id as Derivation

        derivation = Derivation(
            salt=bytes.fromhex(self.salt),
            length=KEY_BYTES,
            iterations=self.passes,
            lanes=self.lanes,
            memory_cost=self.memory,
        )
        return Key(inside(passphrase, derivation.derive))


class PassphraseHolder(_Beside):
    """A passphrase through Argon2id: from a variable, or from a person through `ask`.

    A new one is that of `AIRCALL_MCP_VAULT_NEW_PASSPHRASE`; the first may be the usual one.
    """

    kind: Kind = "passphrase"
    SHORTEST = 12

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str],
        ask: Ask | None = None,
        *,
        modes: Modes | None = None,
        random: Random = os.urandom,
    ) -> None:
        super().__init__(home, modes or Modes())
        self._environment = environment
        self._ask = ask
        self._random = random
        self._new: Secret | None = None

    @property
    def where(self) -> str:
        return "a passphrase, through Argon2id"

    def keys(self, note: str) -> Sequence[Key]:
        parameters = Argon2id.noted(note)
        return [parameters.key(self._asked(FROM_PASSPHRASE))]

    def ready(self, *, first: bool) -> None:
        if self._new is None:
            names = (FROM_NEW_PASSPHRASE, FROM_PASSPHRASE) if first else (FROM_NEW_PASSPHRASE,)
            self._new = self._chosen(*names)

    def renew(self, keep: Key | None) -> tuple[Key, str]:  # noqa: ARG002 - nothing is kept
        passphrase, self._new = self._new or self._chosen(FROM_NEW_PASSPHRASE), None
        parameters = Argon2id(self._random(16).hex())
        return parameters.key(passphrase), json.dumps(asdict(parameters))

    def _chosen(self, *names: str) -> Secret:
        passphrase = self._asked(*names, new=True)
        if inside(passphrase, len) < self.SHORTEST:
            raise CredentialError(
                f"A passphrase needs at least {self.SHORTEST} characters.",
                hint="Four or five words that do not belong together are good.",
            )
        return passphrase

    def _asked(self, *names: str, new: bool = False) -> Secret:
        given = next((self._environment[name] for name in names if self._environment.get(name)), "")
        passphrase = Secret(given) if given else self._ask(new) if self._ask else None
        if passphrase is None:
            raise CredentialError(
                "A new passphrase is needed." if new else "The vault is locked by a passphrase.",
                hint=f"Set {names[-1]} where this server is started.",
            )
        try:
            inside(passphrase, len)
        except UnicodeEncodeError:
            raise CredentialError(
                "The passphrase holds a byte that is no character here.",
                hint=f"Type it in a UTF-8 terminal, or set {names[-1]} to it in UTF-8.",
            ) from None
        return passphrase


class Backend(Protocol):
    """What we use of a backend of the `keyring` library."""

    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


TRUSTED_BACKENDS = (
    "keyring.backends.macOS.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
)
"""Those that encrypt, by class. Others write clear text, forget, or are somebody else's code."""


def system_backend() -> Backend | None:
    """The first trusted backend that works here, by its class and not by any configuration."""
    for name in TRUSTED_BACKENDS:
        module, _, cls = name.rpartition(".")
        try:
            backend = getattr(import_module(module), cls)
            if backend.priority > 0:
                return backend()
        except Exception:  # noqa: S112 - each says in its own way that it is not for here
            continue
    return None


@dataclass(frozen=True, slots=True)
class _Slot:
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
        slot = self._newest()
        if not slot.keys:
            raise CredentialError(
                f"The keyring holds no key of this vault ({self._name}).",
                hint="Was the directory moved? Move it back. Or unlock the right keyring.",
            )
        return self._written(slot)

    def ready(self, *, first: bool) -> None:  # noqa: ARG002 - a keyring is one or is none
        self._newest(hint=_OTHER_WAYS)

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        if keep is None:
            self._probe()
        slot = self._newest()
        if keep is None and slot.keys:
            return self._written(slot)[0], ""
        key = Key(self._random(KEY_BYTES))
        held = (key.text(),) if keep is None else (key.text(), keep.text())
        self._write(_Slot(slot.number + 1, held, slot.anchors))
        return key, ""

    def settle(self, key: Key) -> None:
        slot = self._newest()
        if slot.keys != (key.text(),):
            # Written twice: the other entry must not keep the old key either.
            for number in (1, 2):
                self._write(_Slot(slot.number + number, (key.text(),), slot.anchors))

    def anchors(self) -> Sequence[str]:
        return self._newest().anchors

    def anchor(self, lines: Sequence[str]) -> None:
        slot = self._newest()
        self._write(_Slot(slot.number + 1, slot.keys, tuple(lines)))

    def forget(self) -> None:
        def forget(backend: Backend) -> None:
            for entry in map(self._entry, (0, 1)):
                if backend.get_password(entry, self.USER) is not None:
                    backend.delete_password(entry, self.USER)

        self._call(forget)

    def _entry(self, number: int) -> str:
        return f"{self._name} / {number % 2 + 1}"

    def _written(self, slot: _Slot) -> list[Key]:
        try:
            return [Key.written(text) for text in slot.keys]
        except ValueError:
            raise CredentialError(
                "The key in the keyring is damaged.",
                hint=f"Restore the keyring from a backup; or remove its entries {self._entry(0)}"
                " and 2, if no vault was ever made with them.",
            ) from None

    def _newest(self, *, hint: str = "") -> _Slot:
        def read(backend: Backend) -> list[str | None]:
            return [backend.get_password(self._entry(e), self.USER) for e in (0, 1)]

        return max(map(_slot, self._call(read, hint=hint)), key=lambda slot: slot.number)

    def _write(self, slot: _Slot) -> None:
        text = json.dumps([slot.number, slot.keys, slot.anchors], separators=(",", ":"))
        service = self._entry(slot.number)

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
            raise CredentialError("The keyring forgets what is given to it.", hint=_OTHER_WAYS)

    def _call(self, work: Callable[[Backend], T], *, hint: str = "") -> T:
        """`work` in a thread of its own: a locked keyring may wait for a person for ever.

        `hint` helps better than the usual one where no vault depends on this keyring yet.
        """
        hint = hint or _UNLOCK_OR_MOVE
        try:
            if self._waiting is not None and self._clock() >= self._silent_until:
                wait([self._waiting], self._patience)
            if self._waiting is None or self._waiting.done():
                self._waiting = started = _started(lambda: self._unasked(work))
                return started.result(self._patience)
        except TimeoutError:
            pass
        except CredentialError as error:
            raise CredentialError(error.message, hint=hint) from None
        except Exception as error:
            raise CredentialError(_failure(error), hint=hint) from None
        if self._clock() >= self._silent_until:
            self._silent_until = self._clock() + _SILENCE
        raise CredentialError("The keyring does not answer; it may be locked.", hint=hint)

    def _unasked(self, work: Callable[[Backend], T]) -> T:
        """`work`, but where nobody can be waited for, nobody is asked."""
        backend = self._backend()
        if self._patience is not None and _would_ask(backend, self.USER):
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


def _failure(error: Exception) -> str:
    from keyring.errors import InitError, KeyringLocked

    if isinstance(error, KeyringLocked | InitError):
        return "The keyring does not open; it may be locked."
    return f"The keyring failed ({type(error).__name__})."


def _would_ask(backend: Backend, user: str) -> bool:
    """Whether the backend would make the desktop ask a person now, found out without asking.

    Windows never asks. macOS asks and does not say so before, and KWallet may ask whether a
    program is welcome in a wallet that is open: there the patience of the holder has to do.
    """
    match type(backend).__module__:
        case "keyring.backends.SecretService" | "keyring.backends.libsecret":
            return _is_locked(getattr(backend, "preferred_collection", None), user)
        case "keyring.backends.kwallet":
            return _is_shut(backend)
        case _:
            return False


def _is_locked(collection: str | None, user: str) -> bool:
    """Of the Secret Service. A collection that is missing counts: its making is asked for."""
    import secretstorage
    from secretstorage.collection import DEFAULT_COLLECTION

    with closing(secretstorage.dbus_init()) as bus:
        try:
            there = secretstorage.Collection(bus, collection or DEFAULT_COLLECTION)
            ours = there.search_items({"username": user})
            return there.is_locked() or any(item.is_locked() for item in ours)
        except secretstorage.ItemNotFoundException:
            return True


def _is_shut(wallets: Any) -> bool:
    """Of KWallet. `isOpen` also takes a handle, so the bus must hear which one is meant."""
    jeepney: Any = import_module("jeepney")
    blocking: Any = import_module("jeepney.io.blocking")
    there = jeepney.DBusAddress(wallets.object_path, wallets.bus_name, "org.kde.KWallet")
    with closing(blocking.open_dbus_connection()) as bus:

        def ask(method: str, *words: str) -> Any:
            call = jeepney.new_method_call(there, method, "s" * len(words), words)
            return jeepney.wrappers.unwrap_msg(bus.send_and_get_reply(call))[0]

        return not ask("isOpen", ask("networkWallet"))


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


def _slot(text: str | None) -> _Slot:
    """The entry as it was written; an empty one for whatever else stands there."""
    try:
        found: Any = json.loads(text or "[0, [], []]")
        number, keys, anchors = found
        return _Slot(int(number), tuple(map(str, keys)), tuple(map(str, anchors)))
    except (ValueError, TypeError, RecursionError):
        return _Slot(0, (), ())
