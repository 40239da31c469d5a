"""The accounts that the server can act for, and how their requests are signed."""

from .account import (
    AIRCALL_HOST,
    ENVIRONMENT,
    TOKEN_URL,
    Account,
    ApiKey,
    Credential,
    Grant,
    account_from,
    check_name,
)
from .accounts import Accounts, Held
from .environment import copied, credential_from
from .shelf import Memory, Shelf

__all__ = [
    "AIRCALL_HOST",
    "ENVIRONMENT",
    "TOKEN_URL",
    "Account",
    "Accounts",
    "ApiKey",
    "Credential",
    "Grant",
    "Held",
    "Memory",
    "Shelf",
    "account_from",
    "check_name",
    "copied",
    "credential_from",
]
