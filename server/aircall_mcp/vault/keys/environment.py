"""A key in the environment, for containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import CredentialError
from ...ground.private_files import Modes
from ...ground.secrets import Secret, inside
from ..envelope import Key
from .anchor_file import AnchorFile
from .holder import Kind

KEY_VARIABLE = "AIRCALL_MCP_VAULT_KEY"
NEW_KEY_VARIABLE = "AIRCALL_MCP_VAULT_NEW_KEY"
_MAKE_A_KEY = "openssl rand -base64 32"


class EnvironmentHolder(AnchorFile):
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
                f"{name} contains no key: it must be 32 bytes in base64.",
                hint=f"Make one with `{_MAKE_A_KEY}`.",
            ) from None
