from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import (
    Account,
    Accounts,
    ApiKey,
    Credential,
    Grant,
    Memory,
    Shelf,
    account_from,
    credential_from,
)
from aircall_mcp.errors import ArgumentError, CredentialError
from aircall_mcp.ground.secrets import Secret

from ..canaries import CANARIES
from ..vaults import again, filled, vault_at

KEY = ApiKey(api_id=Secret(CANARIES["api id"]), api_token=Secret(CANARIES["api token"]))
GRANT = Grant(
    access_token=Secret(CANARIES["access token"]),
    refresh_token=Secret(CANARIES["refresh token"]),
    issued_at=100.5,
    expires_at=3700.5,
    client_id=Secret("client-id-1234"),
    client_secret=Secret(CANARIES["client secret"]),
)
VARIABLES = {"AIRCALL_API_ID": "env-api-id", "AIRCALL_API_TOKEN": "env-api-token"}


def account(name: str, credential: Credential = KEY, **more: Any) -> Account:
    return Account(name=name, credential=credential, **more)


@pytest.fixture(params=["memory", "vault"])
def shelf(request: pytest.FixtureRequest, home: Path) -> Shelf:
    if request.param == "memory":
        return Memory()
    vault = vault_at(home, {})
    vault.create("file")
    return vault


# What holds of every shelf.


@pytest.mark.parametrize("credential", [KEY, GRANT, Grant(access_token=Secret("for-ever-1234"))])
def test_an_account_comes_back_as_it_was(shelf: Shelf, credential: Credential) -> None:
    there = account(
        "paris", credential, requests_per_minute=120, time_zone="Europe/Paris",
        default_user=7, default_number=8, state="renewing", host="127.0.0.1",
    )  # fmt: skip
    Accounts(shelf).add(there)
    assert Accounts(shelf).load("paris").account == there


def test_a_name_is_given_once(shelf: Shelf) -> None:
    accounts = Accounts(shelf)
    accounts.add(account("paris"))
    with pytest.raises(CredentialError, match="already") as caught:
        accounts.add(account("paris", GRANT))
    assert "accounts remove paris" in caught.value.hint
    assert accounts.load("paris").account.credential == KEY
    accounts.add(account("paris", GRANT), replace=True)
    assert accounts.load("paris").account.credential == GRANT


def test_an_account_is_stored_over_the_generation_that_was_read(shelf: Shelf) -> None:
    accounts = Accounts(shelf)
    accounts.add(account("paris"))
    held = accounts.load("paris")
    stored = accounts.store(account("paris", GRANT), held.generation)
    assert stored is not None
    assert accounts.load("paris") == stored
    assert accounts.store(account("paris"), held.generation) is None
    accounts.remove("paris")
    assert accounts.store(account("paris"), stored.generation) is None
    with pytest.raises(CredentialError, match="There is no account"):
        accounts.load("paris")


def test_the_stamp_changes_with_the_accounts(shelf: Shelf) -> None:
    accounts = Accounts(shelf)
    before = accounts.stamp()
    accounts.add(account("paris"))
    assert accounts.stamp() != before


def test_what_is_removed_is_gone(shelf: Shelf) -> None:
    accounts = Accounts(shelf, VARIABLES)
    accounts.add(account("paris"))
    accounts.remove("paris")
    assert accounts.names() == ("env",)
    for name in ("paris", "env", "", "default"):
        with pytest.raises(CredentialError, match=r"no account|the environment variables"):
            accounts.remove(name)


# Which account is meant by saying nothing.


def test_without_an_account_none_is_meant() -> None:
    with pytest.raises(CredentialError, match="No Aircall account") as caught:
        Accounts(Memory()).resolve()
    assert "accounts add" in caught.value.hint
    assert Accounts(Memory()).default() is None


def test_the_only_one_is_meant() -> None:
    shelf = Memory()
    shelf.write("rome", "account", account("rome").model_dump())
    assert Accounts(shelf).resolve() == "rome"


def test_the_first_becomes_the_default_until_another_is_made_it() -> None:
    accounts = Accounts(Memory())
    for name in ("rome", "paris", "oslo"):
        accounts.add(account(name))
    assert accounts.resolve() == "rome"
    accounts.make_default("oslo")
    assert accounts.resolve() == "oslo"
    assert accounts.resolve("paris") == "paris"
    with pytest.raises(CredentialError):
        accounts.make_default("berlin")


def test_a_default_that_is_gone_is_no_default() -> None:
    accounts = Accounts(Memory())
    for name in ("rome", "paris", "oslo"):
        accounts.add(account(name))
    accounts.remove("rome")
    with pytest.raises(CredentialError, match="several accounts") as caught:
        accounts.resolve()
    assert "oslo, paris" in caught.value.message


def test_the_environment_s_wins_over_the_default_and_the_chosen_over_both() -> None:
    shelf = Memory()
    Accounts(shelf).add(account("rome"))
    assert Accounts(shelf, VARIABLES).resolve() == "env"
    assert Accounts(shelf, VARIABLES, chosen="rome").resolve() == "rome"
    assert Accounts(shelf, VARIABLES, chosen="rome").resolve("env") == "env"


def test_an_unknown_name_gets_the_nearest() -> None:
    accounts = Accounts(Memory(), VARIABLES)
    accounts.add(account("paris"))
    with pytest.raises(CredentialError) as caught:
        accounts.resolve("pariss")
    assert "`paris`" in caught.value.hint


def test_a_vault_that_was_emptied_does_not_look_like_a_first_start(home: Path) -> None:
    filled(home).close()
    (home / "vault.db").write_bytes(b"")
    with pytest.raises(CredentialError, match="emptied"):
        Accounts(again(home)).load()


def test_the_environment_may_give_a_key() -> None:
    held = Accounts(Memory(), VARIABLES, host="127.0.0.1", requests_per_minute=90).load()
    assert held.account.credential == ApiKey(
        api_id=Secret("env-api-id"), api_token=Secret("env-api-token")
    )
    assert (held.account.name, held.account.host) == ("env", "127.0.0.1")
    assert held.account.requests_per_minute == 90
    assert not Accounts(Memory(), VARIABLES).persistent("env")


def test_the_environment_may_give_a_token() -> None:
    credential = credential_from({"AIRCALL_ACCESS_TOKEN": " a-token-1234 "})
    assert credential == Grant(access_token=Secret("a-token-1234"))


@pytest.mark.parametrize(
    "variables",
    [
        {"AIRCALL_API_ID": "a-secret-id"},
        {"AIRCALL_API_TOKEN": "a-secret-token"},
        {**VARIABLES, "AIRCALL_ACCESS_TOKEN": "a-secret"},
    ],
)
def test_half_a_credential_of_the_environment_and_two_at_once_are_refused(
    variables: Mapping[str, str],
) -> None:
    with pytest.raises(CredentialError) as caught:
        credential_from(variables)
    assert "a-secret" not in caught.value.message + caught.value.hint


def test_an_environment_without_a_credential_gives_no_account() -> None:
    assert credential_from({"AIRCALL_API_ID": " ", "OTHER": "x"}) is None


def test_nobody_can_take_the_name_of_the_environment_s() -> None:
    with pytest.raises(CredentialError, match="the environment variables"):
        Accounts(Memory()).add(account("env"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "x\n"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone.*IANA"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"default_user": -1}, "default_user"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_a_person_typed_is_looked_at(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says) as caught:
        account_from(**({"name": "paris", "credential": KEY} | fields))
    assert "the-api" not in caught.value.message


@pytest.mark.parametrize(
    "value",
    [None, 7, [], {}, {"name": "paris"}, {"name": "paris", "credential": {"kind": "magic"}}],
)
def test_a_record_that_is_no_account_is_refused(value: Any) -> None:
    shelf = Memory()
    shelf.write("paris", "account", value)
    with pytest.raises(CredentialError, match="written by another version"):
        Accounts(shelf).load("paris")


def test_a_zone_that_was_known_elsewhere_costs_no_account(shelf: Shelf) -> None:
    shelf.write("paris", "account", account("paris").model_dump() | {"time_zone": "Mars/Base"})
    accounts = Accounts(shelf)
    held = accounts.load("paris")
    assert held.account.time_zone == "Mars/Base"
    changed = held.account.model_copy(update={"credential": GRANT})
    assert accounts.store(changed, held.generation)
    assert accounts.load("paris").account == changed


@pytest.mark.parametrize("zone", [7, ["Europe/Paris"], b"x"])
def test_a_stored_zone_is_a_name(zone: object) -> None:
    shelf = Memory()
    shelf.write("paris", "account", account("paris").model_dump() | {"time_zone": zone})
    with pytest.raises(CredentialError):
        Accounts(shelf).load("paris")


def test_a_record_under_another_s_name_is_refused() -> None:
    shelf = Memory()
    shelf.write("rome", "account", account("paris").model_dump())
    with pytest.raises(CredentialError, match="rome"):
        Accounts(shelf).load("rome")


def test_nothing_shows_a_credential() -> None:
    for there in (account("paris"), account("paris", GRANT)):
        for shown in (repr(there), str(there.model_dump()), str(there.credential)):
            for part in ("1234", "5678"):
                assert part not in shown
        with pytest.raises(Exception, match="serialize"):
            there.model_dump_json()
        with pytest.raises(TypeError):
            json.dumps(there.model_dump())
