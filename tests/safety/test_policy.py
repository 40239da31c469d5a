"""The policy alone: what goes for a deed, by nothing but what is handed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aircall_mcp.ground.effects import Allowance
from aircall_mcp.safety.deed import Counted, Deed
from aircall_mcp.safety.policy import (
    Cap,
    Facts,
    Line,
    Policy,
    Quiet,
    Rule,
    Ruling,
    Used,
    ruling_of,
)

NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC).timestamp()
PARIS, SAN_FRANCISCO, JAMAICA = "+33184880000", "+14155550133", "+18765551234"
STANDING: frozenset[Allowance] = frozenset({"reach", "delete", "exposes", "administers"})


def text_to(*numbers: str, **more: Any) -> Deed:
    deed = Deed(
        operation="send_message",
        toolset="messages",
        needs=("reach",),
        account="acme",
        principal="owner",
        recipients=numbers or (PARIS,),
        senders=(88012,),
        counted="texts",
        size=max(1, len(numbers)),
    )
    return replace(deed, **more)


def known(*numbers: str, **more: Any) -> Facts:
    facts = Facts(now=NOON, home=frozenset({"FR", "US"}), known=frozenset(numbers or (PARIS,)))
    return replace(facts, **more)


def said(ruling: Ruling) -> tuple[str, int, str]:
    return ruling.say, ruling.grade, ruling.rule


def test_where_any_country_will_do_none_is_elsewhere() -> None:
    anywhere = Policy(countries=frozenset({"any"}))
    ruling = ruling_of(anywhere, text_to(JAMAICA), known(JAMAICA))
    assert said(ruling) == ("ask", 1, "effects.reach")


def test_which_numbers_may_be_used_says_nothing_of_reading_them() -> None:
    only = Policy(numbers=frozenset({1}))
    read = text_to(needs=("read",), recipients=(), senders=(88012,), counted=None)
    assert ruling_of(only, read, known()).say == "allow"
    assert ruling_of(only, replace(read, needs=("write",)), known()).say == "deny"


@pytest.mark.parametrize(
    ("needs", "say", "grade"),
    [
        (("read",), "allow", 1),
        (("write",), "allow", 1),
        (("reach",), "ask", 1),
        (("delete",), "ask", 2),
        (("read", "exposes"), "ask", 2),
        (("write", "administers"), "ask", 2),
    ],
)
def test_without_a_file_reads_and_harmless_writes_go(
    needs: tuple[Allowance, ...], say: str, grade: int
) -> None:
    deed = text_to(needs=needs, recipients=(), senders=(), counted=None)
    ruling = ruling_of(Policy(), deed, known())
    assert (ruling.say, ruling.grade) == (say, grade)


@pytest.mark.parametrize(
    ("numbers", "facts", "expected"),
    [
        ((PARIS,), known(), ("ask", 1, "effects.reach")),
        ((PARIS,), known(SAN_FRANCISCO), ("ask", 2, "destinations.strangers")),
        ((PARIS, SAN_FRANCISCO), known(PARIS, SAN_FRANCISCO), ("ask", 2, "destinations.batches")),
        ((JAMAICA,), known(JAMAICA), ("ask", 2, "destinations.countries")),
        ((PARIS,), known(home=None), ("ask", 2, "destinations.countries")),
        (("+33899123456",), known("+33899123456"), ("deny", 1, "destinations.costly")),
        ((PARIS,), known(suppressed=frozenset({PARIS})), ("deny", 1, "suppression list")),
    ],
)
def test_who_is_reached_and_where_makes_it_graver(
    numbers: tuple[str, ...], facts: Facts, expected: tuple[str, int, str]
) -> None:
    assert said(ruling_of(Policy(), text_to(*numbers), facts)) == expected


def test_the_most_particular_line_is_the_base() -> None:
    policy = Policy(
        effects={"reach": Line("deny")},
        toolsets={"messages": Line("ask")},
        operations={"send_message": Line("allow")},
        rules=(Rule("nights", Line("ask", 2), accounts=frozenset({"night"})),),
        written=True,
    )
    assert said(ruling_of(policy, text_to(), known()))[0] == "allow"
    assert ruling_of(policy, text_to(operation="send_group_message"), known()).say == "ask"
    assert ruling_of(policy, text_to(toolset="calls", operation="dial"), known()).say == "deny"
    night = ruling_of(policy, text_to(account="night"), known())
    assert said(night) == ("ask", 2, "rule 'nights'")


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"account": "other"}, False),
        ({"principal": "bert"}, False),
        ({"operation": "dial"}, False),
        ({"toolset": "calls"}, False),
        ({"recipients": (JAMAICA, JAMAICA)}, False),
        ({"recipients": (PARIS,)}, False),
        ({"recipients": ()}, False),
    ],
)
def test_a_rule_fits_where_all_that_it_names_does(change: dict[str, Any], fits: bool) -> None:
    rule = Rule(
        "all",
        Line("deny"),
        operations=frozenset({"send_message"}),
        toolsets=frozenset({"messages"}),
        accounts=frozenset({"acme"}),
        principals=frozenset({"owner"}),
        countries=frozenset({"FR", "US"}),
        over=1,
    )
    deed = replace(text_to(PARIS, SAN_FRANCISCO), **change)
    ruling = ruling_of(Policy(rules=(rule,), written=True), deed, known(PARIS, SAN_FRANCISCO))
    assert (ruling.rule == "rule 'all'") is fits


BANS: list[tuple[Policy, Deed, Facts, str]] = [
    (Policy(never=("+3318488*",)), text_to(), known(), "destinations.never"),
    (Policy(only=(SAN_FRANCISCO,)), text_to(), known(), "destinations.only"),
    (Policy(numbers=frozenset({1})), text_to(), known(), "from.numbers"),
    (Policy(users=frozenset({1})), text_to(users=(2,)), known(), "from.users"),
    (
        Policy(hosts=frozenset({"hooks.example.com"})),
        text_to(needs=("write", "exposes"), recipients=(), hosts=("evil.example.com",)),
        known(),
        "webhooks.hosts",
    ),
    (
        Policy(caps={"texts": Cap(hour=3)}),
        text_to(),
        known(used={"texts": Used(hour=3, day=3)}),
        "caps.texts",
    ),
    (
        Policy(caps={"texts": Cap(day=3)}),
        text_to(PARIS, SAN_FRANCISCO),
        known(used={"texts": Used(hour=0, day=2)}),
        "caps.texts",
    ),
    (Policy(), text_to(), known(suppressed=frozenset({PARIS})), "suppression list"),
    (Policy(), text_to("+870773123456"), known(), "destinations.costly"),
]


@pytest.mark.parametrize(("policy", "deed", "facts", "rule"), BANS, ids=[b[3] for b in BANS])
@pytest.mark.parametrize("written", [False, True])
def test_a_ban_holds_whoever_allows_it(
    policy: Policy, deed: Deed, facts: Facts, rule: str, written: bool
) -> None:
    loosest = replace(policy, operations={"send_message": Line("allow")}, written=written)
    ruling = ruling_of(loosest, deed, replace(facts, standing=STANDING))
    assert (ruling.say, ruling.rule) == ("deny", rule)


def test_a_standing_yes_goes_anywhere_at_any_hour_where_no_file_says_otherwise() -> None:
    quiet = Quiet(time(0), time(23, 59))
    deed, facts = text_to(JAMAICA), known(JAMAICA, standing=frozenset({"reach"}))
    assert said(ruling_of(Policy(quiet=quiet), deed, facts)) == ("allow", 1, "--allow")
    held = ruling_of(Policy(quiet=quiet, written=True), deed, facts)
    assert said(held) == ("deny", 1, "quiet_hours")
    assert ruling_of(Policy(effects={"reach": Line("deny")}), deed, facts).say == "deny"


@pytest.mark.parametrize("need", ["exposes", "administers"])
def test_a_standing_yes_is_to_what_it_names_and_to_nothing_beside(need: Allowance) -> None:
    deed = text_to(needs=("delete", need), recipients=(), counted=None)
    for standing in ({"delete"}, {need}, {"reach"}, set[Allowance]()):
        assert ruling_of(Policy(), deed, known(standing=frozenset(standing))).say == "ask"
    assert ruling_of(Policy(), deed, known(standing=frozenset({"delete", need}))).say == "allow"
    write = text_to(needs=("write", need), recipients=(), counted=None)
    assert ruling_of(Policy(), write, known(standing=frozenset({need}))).say == "allow"


@pytest.mark.parametrize(
    ("hour", "minute", "held"),
    [(19, 59, False), (20, 0, True), (23, 59, True), (0, 0, True), (6, 59, True), (7, 0, False)],
)
def test_quiet_hours_are_the_recipients_own_and_go_past_midnight(
    hour: int, minute: int, held: bool
) -> None:
    """21:00 to 08:00 in Paris, which is an hour ahead in winter."""
    now = datetime(2026, 11, 19, hour, minute, tzinfo=UTC).timestamp()
    policy = Policy(quiet=Quiet(time(21), time(8)), written=True)
    ruling = ruling_of(policy, text_to(), known(now=now))
    assert (ruling.rule == "quiet_hours") is held


@pytest.mark.parametrize("hour", [0, 11, 12, 23])
def test_hours_that_end_when_they_begin_are_the_whole_day(hour: int) -> None:
    now = datetime(2026, 11, 19, hour, tzinfo=UTC).timestamp()
    policy = Policy(quiet=Quiet(time(0), time(0)), written=True)
    assert ruling_of(policy, text_to(), known(now=now)).rule == "quiet_hours"


@pytest.mark.parametrize(("kind", "held"), [("texts", True), ("calls", False)])
def test_quiet_hours_of_texts_say_nothing_of_calls(kind: Counted, held: bool) -> None:
    quiet = Quiet(time(0), time(0), kinds=frozenset({"texts"}))
    ruling = ruling_of(Policy(quiet=quiet, written=True), text_to(counted=kind), known())
    assert (ruling.rule == "quiet_hours") is held


@pytest.mark.parametrize(("day", "held"), [(24, False), (25, True)])
def test_quiet_hours_follow_the_summer_time(day: int, held: bool) -> None:
    """In Paris summer time ends on 25 October 2026: 06:30 UTC is 08:30, and 07:30 from then on."""
    now = datetime(2026, 10, day, 6, 30, tzinfo=UTC).timestamp()
    policy = Policy(quiet=Quiet(time(21), time(8)), written=True)
    assert (ruling_of(policy, text_to(), known(now=now)).rule == "quiet_hours") is held


@pytest.mark.parametrize(("hour", "held"), [(17, False), (12, True), (3, True)])
def test_a_number_that_may_be_in_several_zones_must_be_outside_in_all(
    hour: int, held: bool
) -> None:
    """A toll-free number of North America: from Newfoundland to Guam it is never day everywhere;
    of New York, noon is no quiet hour."""
    now = datetime(2026, 11, 19, hour, 0, tzinfo=UTC).timestamp()
    policy = Policy(quiet=Quiet(time(21), time(8)), written=True)
    free, new_york = text_to("+18005550133"), text_to("+12125550133")
    assert ruling_of(policy, free, known(now=now)).rule == "quiet_hours"
    assert (ruling_of(policy, new_york, known(now=now)).rule == "quiet_hours") is held


def test_where_the_zone_is_not_known_the_hours_hold() -> None:
    policy = Policy(
        quiet=Quiet(time(3), time(4)), countries=frozenset({"any"}), costly=Line("allow")
    )
    deed = text_to("+881612345678")
    assert ruling_of(policy, deed, known()).rule == "quiet_hours"


lines = st.builds(Line, st.sampled_from(["allow", "ask", "deny"]), st.sampled_from([1, 2]))


@given(
    base=lines,
    elsewhere=lines,
    numbers=st.lists(st.sampled_from([PARIS, SAN_FRANCISCO, JAMAICA]), min_size=1, unique=True),
    suppressed=st.sets(st.sampled_from([PARIS, JAMAICA])),
    home=st.none() | st.just(frozenset({"FR"})),
)
def test_every_rule_can_only_make_it_stricter(
    base: Line, elsewhere: Line, numbers: list[str], suppressed: set[str], home: Any
) -> None:
    order = {"allow": 0, "ask": 1, "deny": 2}
    policy = Policy(effects={"reach": base}, elsewhere=elsewhere, written=True)
    facts = known(*numbers, suppressed=frozenset(suppressed), home=home)
    ruling = ruling_of(policy, text_to(*numbers), facts)
    assert order[ruling.say] >= order[base.say]
    if suppressed & set(numbers):
        assert ruling.say == "deny"
    if any(number == JAMAICA for number in numbers) or home is None:
        assert order[ruling.say] >= order[elsewhere.say]


def test_what_does_not_say_which_number_it_comes_from_is_asked_about() -> None:
    """By somebody's usual number, which may be one that is not to be used."""
    policy = Policy(numbers=frozenset({1}), effects={"reach": Line("allow")}, written=True)
    ruling = ruling_of(policy, text_to(senders=()), known())
    assert (ruling.say, ruling.grade, ruling.rule) == ("ask", 2, "from.numbers")
    assert ruling_of(policy, text_to(senders=(1,)), known()).say == "allow"
    assert ruling_of(policy, text_to(senders=(2,)), known()).say == "deny"


def test_of_two_that_are_as_strict_the_first_is_named() -> None:
    by_strictness = [Ruling("allow"), Ruling("ask"), Ruling("ask", grade=2), Ruling("deny")]
    for at, one in enumerate(by_strictness):
        assert one.stricter(Ruling(one.say, "other", grade=one.grade)) is one
        for stricter in by_strictness[at + 1 :]:
            assert one.stricter(stricter) is stricter
            assert stricter.stricter(one) is stricter


@pytest.mark.parametrize(
    ("rule", "deed", "fits"),
    [
        (Rule("r", Line("deny")), text_to(), True),
        (Rule("r", Line("deny")), text_to(recipients=()), True),
        (Rule("r", Line("deny"), over=1), text_to(), False),
        (Rule("r", Line("deny"), over=1), text_to(PARIS, SAN_FRANCISCO), True),
        (Rule("r", Line("deny"), over=2), text_to(PARIS, SAN_FRANCISCO), False),
        (Rule("r", Line("deny"), over=2), text_to(together=3), True),
        (Rule("r", Line("deny"), countries=frozenset({"FR"})), text_to(), True),
        (Rule("r", Line("deny"), countries=frozenset({"FR"})), text_to(recipients=()), False),
        (Rule("r", Line("deny"), countries=frozenset({"US"})), text_to(), False),
    ],
)
def test_what_a_rule_does_not_name_fits_everything(rule: Rule, deed: Deed, fits: bool) -> None:
    ruling = ruling_of(Policy(rules=(rule,), written=True), deed, known(PARIS, SAN_FRANCISCO))
    assert (ruling.rule == "rule 'r'") is fits


@pytest.mark.parametrize(
    "numbers",
    [
        (JAMAICA,),
        (JAMAICA, PARIS),
        (PARIS, JAMAICA),
        (f"{JAMAICA}9",),  # networks leave out a digit that is too many
        ("+18765550",),  # none that fits a plan: it may be in any country of its code
    ],
)
def test_what_is_added_leads_around_no_rule_of_a_country(numbers: tuple[str, ...]) -> None:
    policy = Policy(
        effects={"reach": Line("allow")},
        countries=frozenset({"any"}),
        rules=(Rule("no JM", Line("deny"), countries=frozenset({"JM"})),),
        written=True,
    )
    assert ruling_of(policy, text_to(*numbers), known()).rule == "rule 'no JM'"
    assert ruling_of(policy, text_to(PARIS, SAN_FRANCISCO), known()).say == "allow"
    french = Rule("ours", Line("allow"), countries=frozenset({"FR"}))
    asked = replace(policy, effects={}, rules=(french,))
    assert ruling_of(asked, text_to(), known()).say == "allow"
    assert ruling_of(asked, text_to(PARIS, *numbers), known()).say == "ask"


@pytest.mark.parametrize(("lasting", "held"), [(0, False), (3600, False), (9 * 3600, True)])
def test_what_is_tried_for_long_is_not_tried_into_quiet_hours(lasting: int, held: bool) -> None:
    """It is 13:00 in Paris."""
    policy = Policy(quiet=Quiet(time(21), time(21, 20), Line("ask", 2)), written=True)
    ruling = ruling_of(policy, text_to(lasting=lasting), known())
    assert (ruling.rule == "quiet_hours") is ruling.quiet is held


def test_a_webhook_of_which_nobody_says_where_it_leads_is_asked_about() -> None:
    policy = Policy(
        effects={"exposes": Line("allow")}, hosts=frozenset({"hooks.example.com"}), written=True
    )
    hook = text_to(needs=("write", "exposes"), recipients=(), counted=None)
    assert ruling_of(policy, replace(hook, hosts=("hooks.example.com",)), known()).say == "allow"
    unsaid = ruling_of(policy, replace(hook, hosts=(None,)), known())
    assert said(unsaid) == ("ask", 2, "webhooks.hosts")
    assert ruling_of(replace(policy, hosts=frozenset()), replace(hook, hosts=(None,)),
                     known()).say == "allow"  # fmt: skip


UNTOUCHED: list[tuple[Policy, Deed, Facts]] = [
    (Policy(), text_to(senders=()), known()),
    (Policy(), text_to(users=(2,)), known()),
    (Policy(users=frozenset({2})), text_to(users=(2,)), known()),
    (Policy(numbers=frozenset({88012})), text_to(), known()),
    (Policy(only=(PARIS,)), text_to(), known()),
    (Policy(only=("+3318488*",)), text_to(), known()),
    (Policy(never=(SAN_FRANCISCO, "+3318489*")), text_to(), known()),
    (Policy(never=(PARIS[:-1],)), text_to(), known()),
    (Policy(caps={"texts": Cap(hour=3)}), text_to(), known(used={"texts": Used(2, 2)})),
    (Policy(caps={"texts": Cap(day=3)}), text_to(), known(used={"texts": Used(2, 2)})),
    (Policy(caps={"texts": Cap(hour=1, day=1)}), text_to(), known()),
    (Policy(caps={"calls": Cap(hour=0)}), text_to(), known()),
    (Policy(batches=Line("allow")), text_to(PARIS, SAN_FRANCISCO), known(PARIS, SAN_FRANCISCO)),
    (Policy(strangers=Line("allow")), text_to(), known(SAN_FRANCISCO)),
]


@pytest.mark.parametrize(("policy", "deed", "facts"), UNTOUCHED)
def test_a_line_that_does_not_touch_it_changes_nothing(
    policy: Policy, deed: Deed, facts: Facts
) -> None:
    assert said(ruling_of(policy, deed, facts)) == ("ask", 1, "effects.reach")


def test_a_cap_says_how_many_it_would_take() -> None:
    full = Policy(caps={"texts": Cap(hour=3)})
    two = ruling_of(full, text_to(PARIS, SAN_FRANCISCO), known(used={"texts": Used(hour=2)}))
    one = ruling_of(full, text_to(), known(used={"texts": Used(hour=3)}))
    assert two.why == "2 of 3 in the last hour are used, and it takes 2"
    assert one.why == "3 of 3 in the last hour are used"


@pytest.mark.parametrize(
    ("named", "host", "within"),
    [
        ("hooks.example.com", "hooks.example.com", True),
        ("hooks.example.com", "xooks.example.com", False),
        ("hooks.example.com", "a.hooks.example.com", False),
        ("*.example.com", "hooks.example.com", True),
        ("*.example.com", "a.hooks.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evilexample.com", False),
    ],
)
def test_a_host_is_one_that_is_named_or_below_it(named: str, host: str, within: bool) -> None:
    policy = Policy(hosts=frozenset({named}), effects={"exposes": Line("allow")})
    deed = text_to(needs=("write", "exposes"), recipients=(), senders=(), hosts=(host,))
    assert (ruling_of(policy, deed, known()).say == "allow") is within
    assert ruling_of(replace(policy, hosts=frozenset()), deed, known()).say == "allow"


def test_how_one_asks_makes_no_question_of_what_is_allowed() -> None:
    policy = Policy(effects={"reach": Line("allow")}, strangers=Line("deny"), batches=Line("deny"))
    stranger = text_to(PARIS, SAN_FRANCISCO)
    assert ruling_of(policy, stranger, known(JAMAICA)).say == "allow"
    # But abroad one is asked, and then how one asks holds.
    assert said(ruling_of(policy, text_to(JAMAICA), known(PARIS))) == (
        "deny", 1, "destinations.strangers",
    )  # fmt: skip
    assert said(ruling_of(policy, text_to(JAMAICA), known(JAMAICA))) == (
        "ask", 2, "destinations.countries",
    )  # fmt: skip


def test_home_counts_only_where_the_policy_says_home() -> None:
    french = Policy(countries=frozenset({"FR"}))
    facts = known(PARIS, SAN_FRANCISCO)
    assert ruling_of(french, text_to(), facts).rule == "effects.reach"
    abroad = ruling_of(french, text_to(SAN_FRANCISCO), facts)
    assert (abroad.rule, abroad.why) == ("destinations.countries", "it is in US")
    nowhere = Policy(costly=Line("allow"))
    satellite = ruling_of(nowhere, text_to("+881612345678"), known("+881612345678"))
    assert satellite.why == "its country is not known"
