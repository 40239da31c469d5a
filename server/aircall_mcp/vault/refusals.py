"""The refusals of a vault, each with the next step for the person who reads it."""

from __future__ import annotations

from ..errors import CredentialError

_ACCEPT = (
    "If you restored a backup on purpose, run `aircall-mcp vault check --accept`;"
    " if not, somebody may have put an old file there."
)


def missing() -> CredentialError:
    return CredentialError("There is no vault yet.", hint="Run `aircall-mcp accounts add`.")


def already() -> CredentialError:
    return CredentialError("There is a vault already.", hint="`aircall-mcp vault status` shows it.")


def replaced() -> CredentialError:
    return CredentialError(
        "The vault was emptied, cut or replaced: its key belongs to another one.",
        hint="Restore vault.db from a backup, or start again: `aircall-mcp vault init --replace`.",
    )


def older(epoch: int, known: int) -> CredentialError:
    return CredentialError(
        f"The vault is older than it was: state {epoch}, after {known}.", hint=_ACCEPT
    )


def unanchored() -> CredentialError:
    return CredentialError("The vault's anchor is missing or not of this vault.", hint=_ACCEPT)


def wrong_key(where: str) -> CredentialError:
    return CredentialError(
        f"The key in {where} does not belong to this vault.",
        hint="Restore the key this vault was made with; without it nothing can be read.",
    )


def restless() -> CredentialError:
    return CredentialError("The vault's key changes all the time.", hint="Try again.")


def damaged() -> CredentialError:
    return CredentialError(
        "The vault is damaged, or was changed by something else.",
        hint="`aircall-mcp vault check` says more. Restore vault.db from a backup.",
    )


def damaged_record(owner: str) -> CredentialError:
    return CredentialError(
        f"The record of {owner or 'the vault'} is damaged.",
        hint=f"Add that account again, or restore a backup. {_ACCEPT}",
    )
