"""The directory of all files of this user, and our environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PREFIX = "AIRCALL_MCP_"
"""How the variables of ours begin."""
HOME = f"{PREFIX}HOME"
OTHER_VARIABLES = frozenset(
    (
        "FORWARD_URL",
        "HTTP_KEY",
        "VAULT_KEY",
        "VAULT_KEY_FILE",
        "VAULT_NEW_KEY",
        "VAULT_NEW_PASSPHRASE",
        "VAULT_PASSPHRASE",
    )
)
"""Those that are no settings: most of them hold a secret."""


def home_in(environment: Mapping[str, str]) -> Path:
    """The directory of what this user has here."""
    return Path(environment.get(HOME) or _default_home()).expanduser()


def _default_home() -> Path:
    import platformdirs

    return platformdirs.user_data_path("aircall-mcp", appauthor=False)
