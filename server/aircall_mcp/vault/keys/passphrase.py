"""A key derived from what a person knows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from ...errors import CredentialError
from ...ground.private_files import Modes
from ...ground.secrets import Secret, inside
from ..envelope import KEY_BYTES, Key, Random
from .anchor_file import AnchorFile
from .holder import Ask, Kind

FROM_PASSPHRASE = "AIRCALL_MCP_VAULT_PASSPHRASE"  # noqa: S105 - a name
FROM_NEW_PASSPHRASE = "AIRCALL_MCP_VAULT_NEW_PASSPHRASE"  # noqa: S105 - a name


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
        """The key that `passphrase` gives. Deriving it takes `memory` and, as is meant, time."""
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id as Derivation

        derivation = Derivation(
            salt=bytes.fromhex(self.salt),
            length=KEY_BYTES,
            iterations=self.passes,
            lanes=self.lanes,
            memory_cost=self.memory,
        )
        return Key(inside(passphrase, derivation.derive))


class PassphraseHolder(AnchorFile):
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
                "The passphrase contains a byte that is not a character here.",
                hint=f"Type it in a UTF-8 terminal, or set {names[-1]} to it in UTF-8.",
            ) from None
        return passphrase
