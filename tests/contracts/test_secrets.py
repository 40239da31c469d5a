"""Who in the package may look inside a secret, and with whose libraries."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import aircall_mcp

PACKAGE = Path(aircall_mcp.__file__).parent


@cache
def modules() -> list[tuple[Path, list[ast.AST]]]:
    return [
        (path, list(ast.walk(ast.parse(path.read_text("utf-8"))))) for path in PACKAGE.rglob("*.py")
    ]


def test_only_these_call_it() -> None:
    assert _callers("reveal") == {
        "accounts/auth.py",  # signs requests
        "accounts/oauth.py",  # writes token requests
        "events/forwarding/destinations.py",  # posts to an address that is itself a secret
    }


def test_only_these_look_inside() -> None:
    assert _callers("inside") == {
        "vault/keys/environment.py",  # reads a key
        "vault/keys/passphrase.py",  # derives one
        "vault/mailbox.py",  # opens the mailbox of events
        "events/opening.py",  # keeps a fingerprint of a webhook's token
        "events/forwarding/rules.py",  # shows a destination's host
        "events/forwarding/destinations.py",  # knows http from https
        "events/forwarding/wording.py",  # signs what is posted
        "accounts/auth.py",  # names a company by a hash of its key's id
    }
    assert _callers("sealed") == {"vault/vault.py"}
    assert _callers("unsealed") == {"vault/vault.py"}


def _callers(name: str) -> set[str]:
    found: set[str] = set()
    for path, nodes in modules():
        for node in nodes:
            if isinstance(node, ast.Attribute) and node.attr == "_text":
                assert path.name == "secrets.py", path
            called = node.func if isinstance(node, ast.Call) else None
            called_name = getattr(called, "id", getattr(called, "attr", ""))
            if called_name == name and path.name != "secrets.py":
                found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_only_the_vault_imports_cryptography() -> None:
    found: set[str] = set()
    for path, nodes in modules():
        for node in nodes:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = name.partition(".")[0]
                where = path.relative_to(PACKAGE).as_posix()
                found.add(root)
                assert root != "cryptography" or where.startswith("vault/"), where
                assert root != "authlib" or where == "accounts/oauth.py", where
                assert root != "keyring" or where.startswith("vault/"), where
    assert {"cryptography", "authlib", "keyring"} <= found
