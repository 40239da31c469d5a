from __future__ import annotations

import os
import time
from datetime import time as time_of_day
from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.errors import SettingsError, StoreError
from aircall_mcp.offer import Registry
from aircall_mcp.safety.policy import Cap, Line, Policy, Quiet, Rule
from aircall_mcp.safety.policy_file import (
    COMPOSED,
    NAME,
    PolicyFile,
    policy_in,
    policy_of,
    preset_text,
)
from aircall_mcp.safety.wording import lines_of, table_of

from ..harness import Clock

REGISTRY = Registry.of(spec.load())
NAMES = list(REGISTRY.ids), [one.name for one in REGISTRY.toolsets]


def read(text: str) -> Policy:
    return policy_of(text.encode(), "policy.toml", *NAMES)


def test_the_file_that_an_editor_begins_with_says_what_goes_without_it() -> None:
    without = Policy()
    begun = policy_of(preset_text("default"), "default", *NAMES)
    assert {**table_of(begun), "written": False} == table_of(without)


def test_every_line_that_the_first_file_leaves_out_can_be_taken_in() -> None:
    """What stands behind a # there is not written in vain."""
    kept = [
        line.removeprefix("# ")
        for line in preset_text("default").decode().splitlines()
        if not line.startswith("# ") or "=" in line or line.startswith("# [")
    ]
    text = "\n".join(line for line in kept if not line.startswith(('"', "`")))
    policy = read(text)
    assert policy.toolsets == {"webhooks": Line("deny")}
    assert policy.quiet == Quiet(time_of_day(21), time_of_day(8), kinds=frozenset({"texts"}))
    assert policy.caps["calls"] == Cap(30, 200)
    assert (policy.phones, policy.numbers) == ({"+33199001001"}, {88013})
    assert policy.users == {1204411}
    assert policy.rules[0].countries == {"FR"}
    assert policy.only
    assert policy.never


@pytest.mark.parametrize("name", ["analyst", "support", "sales"])
def test_every_preset_can_be_followed_and_told(name: str) -> None:
    policy = policy_of(preset_text(name), name, *NAMES)
    assert policy.effects["delete"].say == "deny"
    told = "\n".join(lines_of(policy))
    assert "What deletes for good (delete) is refused." in told
    assert table_of(policy)["written"] is True


RULE = "[[rules]]\nname = 'a'\nsay = 'deny'\n"
QUIET = "[quiet_hours]\nfrom = '21:00'\nto = '08:00'\n"
FAULTS = [
    ("reach = 1", "`reach` is not known", ""),
    ("[effects]\nreech = 'ask'", "`effects.reech` must be one of", ""),
    ("[effects]\nreach = 'askk'", '`effects.reach` must be "allow"', "ask"),
    ("[effects]\nreach = true", '`effects.reach` must be "allow"', ""),
    ("[destinatons]", "`destinatons` is not known", "destinations"),
    ("[destinations]\ncountry = ['FR']", "`destinations.country` is not known", "countries"),
    ("[destinations]\ncountries = ['France']", "`destinations.countries`: 'France' must", '"FR"'),
    ("[destinations]\ncountries = ['FR', 'UK']", "`destinations.countries`: 'UK' must", '"GB"'),
    ("[destinations]\ncountries = ['deutschland']", "must be a country", '"DE"'),
    ("[destinations]\ncountries = ['Cote d Ivoire']", "must be a country", '"CI"'),
    ("[destinations]\ncountries = ['XX']", "must be a country", ""),
    ("[destinations]\ncountries = [33]", "must be a country", ""),
    ("[[rules]]\nname = 'a'\nsay = 'deny'\ncountries = [33]", "must be a country", ""),
    ("[destinations]\nnever = [33]", "must be a number", ""),
    ("[destinations]\nnever = ['+33']", "or its beginning", ""),
    ("", "is empty", "Remove it"),
    ("[quiet_hours]\nfrom = 21\nto = '08:00'", "must be a time of day", ""),
    ("[destinations]\nonly = ['0184880000']", "must be a number", ""),
    ("[quiet_hours]\nfrom = '25:00'\nto = '08:00'", "must be a time of day", ""),
    ("[quiet_hours]\nfrom = '21:00'", "`quiet_hours.to` is missing", ""),
    ("[quiet_hours]\nfrom = 9:00\nto = '08:00'", "", 'quotes: from = "09:00"'),
    (f"{QUIET}for = ['faxes']", "`quiet_hours.for`: 'faxes' must be one of", ""),
    (f"{QUIET}for = []", "`quiet_hours.for` must name at least one", ""),
    ("[from]\nnumbers = ['num_555']", "`from.numbers`: 'num_555' must", "run list_numbers"),
    ("[from]\nnumbers = ['0184880000']", "must be a number of yours", "run list_numbers"),
    ("[from]\nnumbers = [true]", "must be a number of yours", "run list_numbers"),
    ("[from]\nnumbers = ['+33*']", "must be a number of yours", "run list_numbers"),
    (f"[from]\nnumbers = ['{'1' * 5000}']", "must be a number of yours", "run list_numbers"),
    ("[from]\nusers = ['Robin']", "`from.users`: 'Robin' must be a whole", "run list_users"),
    ("[caps]\ncalls = 3", "`caps.calls` must be a table", ""),
    ("[caps]\ncalls = { hour = -1 }", "must be at least 0", ""),
    ("[caps]\nfaxes = { hour = 1 }", "`caps.faxes` must be one of", ""),
    ("[operations]\nstart_outbound_cal = 'deny'", "'start_outbound_cal'", "start_outbound_call"),
    ("[toolsets]\nwebhook = 'deny'", "'webhook'", "webhooks"),
    ("[webhooks]\nhosts = ['https://x.example']", "must be a host", ""),
    ("[[rules]]\nname = 'a'", "rule 1: `say` is missing", ""),
    (f"{RULE}{RULE}hours = 3", "rule 2: `hours` is not known", ""),
    (f"{RULE}countries = ['UK']", "rule 1: `countries`: 'UK' must be a country", '"GB"'),
    ("rules = [3]", "`rules`: 3 must be a table", ""),
    ("[[rules]]\nname = 'a'\nsay = 'deny'\noperations = ['no_such']", "'no_such'", ""),
    ("not toml", "cannot be read", "key = value"),
    ("effects = 3", "`effects` must be a table", ""),
]


@pytest.mark.parametrize(("text", "words", "hint"), FAULTS, ids=[f[0][:40] for f in FAULTS])
def test_a_fault_is_named_by_its_key_with_the_nearest_word(
    text: str, words: str, hint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert words in caught.value.message
    assert caught.value.message.startswith("policy.toml: ")
    assert hint in caught.value.hint


def test_a_number_of_ours_is_named_by_itself_or_by_its_id() -> None:
    policy = read("[from]\nnumbers = ['+1 312-555-0155', 88012, '88013']\nusers = [7]")
    assert (policy.phones, policy.numbers) == ({"+13125550155"}, {88012, 88013})
    told = "\n".join(lines_of(policy))
    assert "Only these of your numbers are used: +13125550155, 88012, 88013." in told
    assert table_of(policy)["from"]["numbers"] == ["+13125550155", 88012, 88013]


def test_quiet_hours_may_be_for_texts_alone() -> None:
    assert read(QUIET).quiet == Quiet(time_of_day(21), time_of_day(8), Line("deny"))
    policy = read(f"{QUIET}for = ['texts']")
    assert policy.quiet is not None
    assert policy.quiet.kinds == {"texts"}
    told = "\n".join(lines_of(policy))
    assert "From 21:00 to 08:00, where the recipient is, a text is refused." in told
    assert table_of(policy)["quiet_hours"]["for"] == ["texts"]


def test_what_a_table_leaves_out_is_as_without_it() -> None:
    text = "[[rules]]\nname = 'a'\nsay = 'deny'\n[destinations]\n[caps]\ntexts = {}\n[from]\n"
    assert read(text) == Policy(
        rules=(Rule("a", Line("deny")),), caps={"texts": Cap()}, written=True
    )  # fmt: skip
    text = "[[rules]]\nname = 'a'\nsay = 'deny'\nover = 0\n[caps]\ntexts = { hour = 0, day = 0 }"
    assert read(text).rules[0].over == 0
    assert read(text).caps == {"texts": Cap(0, 0)}
    assert Rule("a", Line("deny")).over == 0


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("allow", Line("allow")), ("ask", Line("ask", 1)), ("ask 1", Line("ask", 1)),
        ("ask 2", Line("ask", 2)), ("deny", Line("deny")),
    ],
)  # fmt: skip
def test_a_line_is_one_of_five_words(word: str, line: Line) -> None:
    assert read(f"[effects]\nreach = '{word}'").effects == {"reach": line}


def test_what_is_no_text_at_all_is_a_fault_too() -> None:
    with pytest.raises(SettingsError):
        policy_of(b"\xff\xfe", "policy.toml", *NAMES)


def test_a_change_is_followed_at_once_and_a_fault_until_it_is_mended(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    holds = PolicyFile(home, *NAMES)
    assert not holds().written
    (home / NAME).write_text("[effects]\nreach = 'deny'", "utf-8")
    assert holds().effects == {"reach": Line("deny")}
    assert holds() is holds()
    (home / NAME).write_text("[effects]\nreach = 'dney'", "utf-8")
    for _ in range(2):
        with pytest.raises(SettingsError):
            holds()
    (home / NAME).write_text("[effects]\nreach = 'allow'", "utf-8")
    assert holds().effects == {"reach": Line("allow")}
    (home / NAME).unlink()
    assert not holds().written


def test_a_file_that_others_may_write_is_followed_by_nobody(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / NAME).write_text("[effects]\nreach = 'allow'", "utf-8")
    (home / NAME).chmod(0o666)
    with pytest.raises(StoreError):
        policy_in(home, *NAMES)


def test_nor_is_one_that_others_may_write_to_since_it_was_read(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    file = home / NAME
    file.write_text("[effects]\nreach = 'deny'", "utf-8")
    holds = PolicyFile(home, *NAMES)
    assert holds().effects == {"reach": Line("deny")}
    before = file.stat()
    file.chmod(0o666)
    with pytest.raises(StoreError, match="open to other users"):
        holds()
    file.write_text("[effects]\nreach = 'ask'\n", "utf-8")  # as long as it was
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StoreError, match="open to other users"):
        holds()
    file.chmod(0o600)
    assert holds().effects == {"reach": Line("ask", 1)}


def test_two_changes_within_one_tick_of_the_clock_are_two(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    holds = PolicyFile(home, *NAMES)
    for _ in range(100):
        for line in ("reach = 'deny'", "reach = 'ask' "):  # as long as each other
            (home / NAME).write_text(f"[effects]\n{line}", "utf-8")
            assert holds().effects["reach"].say == line.split("'")[1]


def test_a_file_of_long_ago_is_looked_at_alone_and_no_change_of_it_is_missed(home: Path) -> None:
    """By a clock that goes so far ahead that all was long ago."""
    home.mkdir(mode=0o700, exist_ok=True)
    file, clock = home / NAME, Clock(time.time() + 3_600)
    holds = PolicyFile(home, *NAMES, clock.handed())
    file.write_text("[effects]\nreach = 'deny'", "utf-8")
    for _ in range(2):  # the first narrows it, which is a change
        assert holds().effects == {"reach": Line("deny")}
    before = file.stat()
    file.write_text("[effects]\nreach = 'ask' ", "utf-8")  # as long, and as old for who asks that
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert holds().effects == {"reach": Line("ask", 1)}
    other = file.with_name("other")
    other.write_text("[effects]\nreach = 'deny'", "utf-8")
    other.replace(file)
    assert holds().effects == {"reach": Line("deny")}
    for way in (file, home):
        before = way.stat().st_mode
        way.chmod(0o777)
        with pytest.raises(StoreError):
            holds()
        way.chmod(before)
    assert holds().effects == {"reach": Line("deny")}
    file.unlink()
    assert not holds().written


def test_where_there_is_none_it_is_looked_for_alone_and_found_as_soon_as_it_is_there(
    home: Path,
) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    holds = PolicyFile(home, *NAMES, Clock(time.time() + 3_600).handed())
    for _ in range(3):
        first = holds()
        assert first is holds()
        assert not first.written
        (home / NAME).write_text("[effects]\nreach = 'deny'", "utf-8")
        assert holds().effects == {"reach": Line("deny")}
        (home / NAME).unlink()
    assert not holds().written
    home.chmod(0o777)
    with pytest.raises(StoreError):
        holds()
    home.chmod(0o700)
    assert not holds().written


def test_a_home_that_others_may_write_to_since_it_was_read_has_no_policy(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / NAME).write_text("[effects]\nreach = 'allow'", "utf-8")
    holds = PolicyFile(home, *NAMES)
    for _ in range(2):
        assert holds().effects == {"reach": Line("allow")}
    home.chmod(0o777)
    with pytest.raises(StoreError):
        holds()
    home.chmod(0o700)


def test_a_file_that_was_emptied_to_be_written_is_no_policy(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / NAME).write_bytes(b"")
    with pytest.raises(SettingsError, match="is empty"):
        PolicyFile(home, *NAMES)()


def test_a_time_of_day_of_another_zone_is_a_fault() -> None:
    text = b"[quiet_hours]\nfrom = '21:00+02:00'\nto = '08:00'"
    with pytest.raises(SettingsError, match="time of day"):
        policy_of(text, NAME, *NAMES)


def test_a_number_is_read_as_people_write_it() -> None:
    text = b"[destinations]\nnever = ['+33 (0)1 84 88 00 00', '+330184880001', '+33 (0)89*']"
    read = policy_of(text, NAME, *NAMES)
    assert read.never == ("+33184880000", "+33184880001", "+3389*")


@pytest.mark.parametrize("word", ["home", "any"])
def test_a_rule_that_would_fit_nothing_is_a_fault(word: str) -> None:
    text = f"[[rules]]\nname = 'all'\nsay = 'deny'\ncountries = ['{word}']"
    with pytest.raises(SettingsError, match="must be a country"):
        policy_of(text.encode(), NAME, *NAMES)
    assert policy_of(f"[destinations]\ncountries = ['{word}']".encode(), NAME, *NAMES).written


def test_a_tool_made_of_operations_is_not_named_but_they_are(registry: Registry) -> None:
    """A line for `place_call` would do nothing, so that nobody relies on one."""
    toolsets = [one.name for one in registry.toolsets]
    assert set(registry.ids).difference(registry.judged) == COMPOSED
    for name in (*COMPOSED, "aircall_place_call"):
        with pytest.raises(SettingsError, match="which is made of several operations") as refused:
            policy_of(f'[operations]\n{name} = "deny"\n'.encode(), "p", registry.judged, toolsets)
        assert refused.value.hint.startswith("Operations and toolsets are named.")
    policy_of(b'[operations]\nfind_calls = "deny"\n', "p", registry.judged, toolsets)
