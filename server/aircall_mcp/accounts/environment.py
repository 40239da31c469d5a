"""The credential from environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import CredentialError
from ..ground.secrets import Secret
from .account import ApiKey, Credential, Grant


def credential_from(environment: Mapping[str, str]) -> Credential | None:
    """The credential that the environment brings. Raises `CredentialError` for half of one."""
    api_id, api_token, access_token = (
        copied(name, environment.get(name, ""))
        for name in ("AIRCALL_API_ID", "AIRCALL_API_TOKEN", "AIRCALL_ACCESS_TOKEN")
    )
    if access_token and (api_id or api_token):
        raise CredentialError(
            "Both an API key and an access token are set in the environment.",
            hint="Set AIRCALL_API_ID and AIRCALL_API_TOKEN, or AIRCALL_ACCESS_TOKEN alone.",
        )
    if access_token:
        return Grant(access_token=access_token)
    if bool(api_id) != bool(api_token):
        missing = "AIRCALL_API_TOKEN" if api_id else "AIRCALL_API_ID"
        raise CredentialError(f"{missing} is not set.", hint="An API key has an id and a token.")
    return ApiKey(api_id=api_id, api_token=api_token) if api_id else None


def copied(name: str, text: str) -> Secret:
    """A secret as a person copied it, without blanks around it. Raises `CredentialError` where
    no header could carry it.
    """
    text = text.strip()
    if not all("!" <= character <= "~" for character in text):
        raise CredentialError(
            f"{name} contains a character that no key has.", hint="Copy it again."
        )
    return Secret(text)
