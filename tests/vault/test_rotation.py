from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp.errors import CredentialError
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault import Kind, Vault

from ..vaults import ONE, PHRASE, TWO, Keyring, again, filled, held_by, rows, value, vault_at
from .dying import Dying, DyingKeyring, DyingModes, Killed


def opened(home: Path, keyring: Keyring, **more: str) -> Vault:
    return vault_at(home, more, keyring=held_by(keyring))


@pytest.mark.parametrize("kind", ["file", "keyring"])
def test_everything_is_sealed_anew_and_the_old_key_is_gone(home: Path, kind: Kind) -> None:
    keyring = Keyring()
    vault = opened(home, keyring)
    vault.create(kind)
    vault.write("company", "account", value(1))
    generation = (vault.read("company", "account") or pytest.fail("none")).generation

    def held() -> str:
        return str(keyring.entries) if kind == "keyring" else (home / "vault.key").read_text()

    before, key = rows(home, "SELECT sealed, (SELECT key_id FROM vault) FROM record")[0]
    text = held()
    vault.rotate()
    after, new = rows(home, "SELECT sealed, (SELECT key_id FROM vault) FROM record")[0]
    assert before != after
    assert key != new
    old_keys = set(text.replace('"', " ").replace("\n", " ").split()) - {"[]"}
    assert not {word for word in old_keys if len(word) == 44 and word in held()}
    for reader in (vault, opened(home, keyring)):
        record = reader.read("company", "account")
        assert record is not None
        assert (record.value, record.generation) == (value(1), generation)
        assert reader.check() == []


def test_two_readers_and_a_rotation(home: Path) -> None:
    rotating = filled(home)
    readers = [again(home), again(home)]
    for reader in readers:
        assert reader.read("company-0", "account")
    for turn in range(3):
        rotating.rotate()
        for number, reader in enumerate(readers):
            record = reader.read(f"company-{number}", "account")
            assert record is not None
            reader.write(f"company-{number}", "account", {"turn": turn})
    assert again(home).check() == []


def test_the_environment_s_key(home: Path) -> None:
    vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE}).create("environment")
    both = {"AIRCALL_MCP_VAULT_KEY": ONE, "AIRCALL_MCP_VAULT_NEW_KEY": TWO}
    vault = vault_at(home, both)
    vault.write("company", "account", value(1))
    with pytest.raises(CredentialError, match="AIRCALL_MCP_VAULT_NEW_KEY must hold another"):
        vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE}).rotate()
    vault.rotate()
    for environment in (both, {"AIRCALL_MCP_VAULT_KEY": TWO}):
        assert vault_at(home, environment).check() == []
    with pytest.raises(CredentialError):
        vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE}).read("company", "account")


def test_a_passphrase(home: Path) -> None:
    words = {False: Secret(PHRASE), True: Secret(PHRASE)}
    vault = vault_at(home, {}, ask=words.__getitem__)
    vault.create("passphrase")
    vault.write("company", "account", value(1))
    words[True] = Secret("another phrase that is long")
    vault.rotate()
    with pytest.raises(CredentialError):
        vault_at(home, {}, ask=words.__getitem__).read("company", "account")
    assert vault_at(home, {}, ask=lambda _new: words[True]).check() == []


@pytest.mark.parametrize(
    "path",
    [
        ("file", "keyring"), ("keyring", "file"), ("file", "environment"),
        ("keyring", "environment"), ("environment", "keyring"),
    ],
)  # fmt: skip
def test_moving_to_another_holder(home: Path, path: tuple[Kind, Kind]) -> None:
    keyring = Keyring()
    key = "AIRCALL_MCP_VAULT_KEY"
    vault = opened(home, keyring, **{key: ONE})
    vault.create(path[0])
    vault.write("company", "account", value(1))
    vault.rotate(path[1])
    assert vault.status().kind == path[1]
    assert opened(home, keyring, **{key: ONE}).check() == []
    assert (home / "vault.key").exists() == (path[1] == "file")
    assert (home / "vault.anchor").exists() == (path[1] != "keyring")
    assert bool(keyring.entries) == (path[1] == "keyring")


@pytest.mark.parametrize("to", [None, "file", "environment"])
def test_what_a_killed_one_left_is_taken_away(home: Path, to: Kind | None) -> None:
    filled(home).close()
    key = (home / "vault.key").read_bytes()
    ours = [home / "vault.key.0123456789ab", home / "vault.anchor.0123456789ab"]
    others = [
        home / name
        for name in ("vault.key.bak", "vault.key.0123456789abc", "vault.key.0123456789AB",
                     "my.vault.key.0123456789ab", "vault.db.0123456789ab")
    ]  # fmt: skip
    for path in (*ours, *others):
        Modes().replace(path, key)
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": TWO})
    assert vault.rotate(to) if to else vault.check() == []
    assert not [path for path in ours if path.exists()]
    assert all(path.exists() for path in others)


@pytest.mark.parametrize("kind", ["file", "keyring", "environment"])
@pytest.mark.parametrize("step", range(8))
def test_it_survives_a_kill_at_each_step(home: Path, kind: Kind, step: int) -> None:
    """Every change of the outside world is a step; the process dies before the one chosen."""
    keyring = Keyring()
    both = {"AIRCALL_MCP_VAULT_KEY": ONE, "AIRCALL_MCP_VAULT_NEW_KEY": TWO}
    vault = opened(home, keyring, **both)
    vault.create(kind)
    for number in range(3):
        vault.write(f"company-{number}", "account", value(number))
    vault.close()

    steps = Dying(step)
    dying = vault_at(
        home, both, keyring=held_by(DyingKeyring(keyring, steps)), modes=DyingModes(steps)
    )
    died = False
    try:
        dying.rotate()
    except Killed:
        died = True
    dying.close()
    survivor = opened(home, keyring, **both)
    for number in range(3):
        record = survivor.read(f"company-{number}", "account")
        assert record is not None
        assert record.value == value(number)
    if kind != "environment" or not died:
        survivor.write("company-0", "account", {"n": 1})
    assert survivor.check() == []
    if kind != "environment":
        survivor.rotate()
        assert opened(home, keyring, **both).check() == []
    if kind == "file":
        assert len((home / "vault.key").read_text().split()) == 1
