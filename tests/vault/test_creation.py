from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from aircall_mcp.cli.vault import create_if_missing
from aircall_mcp.errors import CredentialError, StoreError
from aircall_mcp.ground.private_files import Modes

from ..vaults import again, filled, value, vault_at
from .dying import Dying, DyingModes, Killed


def test_a_second_vault_is_refused(home: Path) -> None:
    vault = filled(home)
    with pytest.raises(CredentialError, match="already"):
        vault.create("file")
    with pytest.raises(CredentialError, match="already"):
        again(home).create("environment")


def test_to_begin_anew_is_a_choice(home: Path) -> None:
    filled(home).close()
    (home / "vault.db").write_bytes(b"")
    vault = again(home)
    with pytest.raises(CredentialError):
        vault.create("file")
    vault.create("file", replace=True)
    assert vault.owners("account") == ()
    assert vault.check() == []
    assert len(list(home.glob("vault.db.*.old"))) == 1


def test_without_a_vault_there_is_nothing_and_nothing_is_made(home: Path) -> None:
    vault = again(home)
    assert not vault.exists
    assert vault.owners("account") == ()
    assert vault.read("company", "account") is None
    assert not vault.exists
    for attempt in (
        lambda: vault.write("a", "account", {}),
        vault.status,
        vault.check,
        vault.accept,
        vault.rotate,
        lambda: vault.remove("a"),
    ):
        with pytest.raises(CredentialError, match="no vault yet"):
            attempt()
    assert not (home / "vault.db").exists()


@pytest.mark.parametrize("step", range(6))
def test_it_survives_a_kill_at_each_step(home: Path, step: int) -> None:
    dying = vault_at(home, {}, modes=DyingModes(Dying(step)))
    with contextlib.suppress(Killed):
        dying.create("file")
    dying.close()
    if dying.exists is False:
        Modes().touch(home / "vault.db")  # where the next step would have begun
    vault = again(home)
    create_if_missing(vault, "file", {}, lambda _said: None)
    vault.write("company", "account", value(1))
    assert again(home).check() == []


def test_private_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        filled(home).rotate()
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["vault.db", "vault.key", "vault.anchor", "vault.lock"])
def test_no_file_may_be_a_link_or_open(home: Path, tmp_path: Path, name: str) -> None:
    filled(home).close()
    (home / name).chmod(0o644)
    with pytest.raises((StoreError, CredentialError), match="open to other users"):
        again(home).write("company-0", "account", {})
    (home / name).chmod(0o600)
    (home / name).rename(tmp_path / name)
    (home / name).symlink_to(tmp_path / name)
    with pytest.raises((StoreError, CredentialError), match="link"):
        again(home).write("company-0", "account", {})


def test_the_status_needs_no_key(home: Path) -> None:
    filled(home).close()
    (home / "vault.key").unlink()
    status = again(home).status()
    assert (status.kind, status.accounts, status.epoch) == ("file", 3, 3)
    assert str(home / "vault.key") in status.where
