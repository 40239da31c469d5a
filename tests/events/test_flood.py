"""Deliveries a minute are bounded; people get a summary in the place of a flood, systems all."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from aircall_mcp.events.forwarding.pace import MOST, Pace
from aircall_mcp.events.query import Query
from aircall_mcp.storage.lock import Lock

from ..forwarding import SLACK, Forwarding, opened, shown
from ..harness import Clock
from ..mail import call, text, told

pytestmark = pytest.mark.anyio

SUMMARY = re.compile(
    r"(\d+) more events, not shown one by one.*?--after (\d+) --before (\d+)", re.DOTALL
)


class Times:
    """When each message arrived at people's channel."""

    def __init__(self, forwarding: Forwarding) -> None:
        self.forwarding = forwarding
        self.at: list[float] = []

    async def settle(self) -> None:
        before = len(self.forwarding.receiver.got)
        await self.forwarding.settle()
        self.at += [self.forwarding.clock.now] * (len(self.forwarding.receiver.got) - before)

    @property
    def most(self) -> int:
        """How many arrived within the fullest 60 seconds."""
        return max(sum(one - 60 < other <= one for other in self.at) for one in self.at)


async def test_a_flood_becomes_twenty_messages_a_minute_and_nothing_is_lost(
    forwarding: Forwarding,
) -> None:
    channel(forwarding)
    times, come = Times(forwarding), 0
    for second in range(200):
        if second < 70:
            forwarding.log.append(
                [text(f"SM{second}-{n}", "buy") for n in range(4)] + [call("ended", second + 1)]
            )
            come += 5
        await times.settle()
        forwarding.clock.pass_by(1)
    await times.settle()
    assert times.most == MOST["slack"] == 20
    alone, summed, led_to = set[int](), 0, set[int]()
    for request in forwarding.receiver.got:
        if found := SUMMARY.search(shown(request)):
            many, after, before = map(int, found.groups())
            between = forwarding.log.read(Query(after=after, before=before, limit=1000))
            assert many <= len(between)  # beside some of other calls that were shown already
            led_to |= {event.sequence for event in between}
            summed += many
        else:
            alone.add(int(shown(request).splitlines()[0].rpartition(" ")[2]))
    assert alone | led_to == set(range(1, come + 1))
    assert len(alone) + summed == come
    [rule] = forwarding.rules.status()
    assert (rule.sent, rule.summed) == (len(alone), summed)
    assert (rule.waiting, rule.failed) == (0, 0)


async def test_the_summary_says_how_many_of_which_kind_and_how_to_read_them(
    forwarding: Forwarding,
) -> None:
    channel(forwarding)
    forwarding.log.append([text(f"SM{n}", "<!channel> *forged*") for n in range(30)])
    line = {"id": 3, "name": "Paris Sales"}  # one line, so that all keep their order
    forwarding.log.append([told("message.sent", f"SM{n}", number=line) for n in range(5)])
    await forwarding.settle()
    *single, last = forwarding.receiver.got
    assert len(single) == 19
    assert shown(last).splitlines() == [
        "16 more events, not shown one by one: more came in than fit into a minute",
        "these are: 11 message.received, 5 message.sent",
        "a person reads them: aircall-mcp events list --kinds message.received,message.sent"
        " --after 19 --before 36 --limit 1000",
        "a model reads them: aircall_read_events, after 19, up to 35",
    ]


async def test_kinds_that_strangers_made_up_do_not_stand_in_it(forwarding: Forwarding) -> None:
    channel(forwarding)
    forwarding.log.append([call(f"evil{n}", 1) for n in range(30)])
    await forwarding.settle()
    assert "these are: 11 of another kind" in shown(forwarding.receiver.got[-1])
    assert "evil" not in shown(forwarding.receiver.got[-1])


async def test_twenty_are_shown_one_by_one(forwarding: Forwarding) -> None:
    channel(forwarding)
    forwarding.log.append([call("ended", n) for n in range(1, 21)])
    await forwarding.settle()
    assert len(forwarding.receiver.got) == 20
    assert not any("not shown" in shown(one) for one in forwarding.receiver.got)


async def test_whoever_goes_on_for_a_killed_one_keeps_to_the_same_minute(home: Path) -> None:
    async with opened(home) as forwarding:
        channel(forwarding)
        for number in range(5):
            forwarding.log.append([call("ended", 100 * number + n) for n in range(1, 31)])
            forwarding.forwarder = forwarding.another(latch=Lock(home / "forwarding.lock"))
            await forwarding.settle()
        assert forwarding.receiver.tried == 20
        forwarding.clock.pass_by(61)
        await forwarding.settle()
        assert "more events" in shown(forwarding.receiver.got[-1])
        assert forwarding.rules.status()[0].waiting == 0


async def test_a_summary_that_does_not_arrive_is_made_again_with_all_that_came_since(
    forwarding: Forwarding,
) -> None:
    channel(forwarding)
    forwarding.receiver.refuses = {"more events"}
    forwarding.log.append([call("ended", n) for n in range(1, 31)])

    forwarding.receiver.status = 200
    await forwarding.settle()
    [lost] = forwarding.rules.undelivered()  # refused for good, as any other message would be
    assert (lost.sequence, lost.fault) == (20, "refused with 400")
    forwarding.receiver.refuses = set()
    forwarding.log.append([call("ended", 31)])
    forwarding.clock.pass_by(61)
    for _ in range(3):
        await forwarding.settle()
        forwarding.clock.pass_by(61)
    [rule] = forwarding.rules.status()
    assert (rule.sent + rule.summed, rule.waiting, rule.failed) == (30, 0, 1)
    assert forwarding.rules.try_again() == 1
    await forwarding.settle()
    assert forwarding.rules.status()[0].sent + forwarding.rules.status()[0].summed == 31


async def test_a_system_gets_each_event_itself_however_many_come(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    assert MOST["https"] == 600
    forwarding.rules.pace = Pace(forwarding.store, forwarding.clock.handed(), {"https": 60})
    forwarding.log.append([call("ended", n) for n in range(1, 101)])
    at: list[int] = []
    for _ in range(3):
        await forwarding.settle(1_000)
        at.append(len(forwarding.receiver.got))
        forwarding.clock.pass_by(61)
    assert at == [60, 100, 100]
    assert sorted(forwarding.receiver.sequences()) == list(range(1, 101))
    assert all(earlier <= later for earlier, later in pairwise(at))


async def test_a_clock_that_is_put_back_does_not_hold_anything_up(forwarding: Forwarding) -> None:
    channel(forwarding)
    forwarding.log.append([call("ended", n) for n in range(1, 31)])
    await forwarding.settle()
    forwarding.clock.pass_by(-7_200)
    forwarding.log.append([call("ended", 31)])
    await forwarding.settle()
    assert len(forwarding.receiver.got) == 21
    assert isinstance(forwarding.clock, Clock)


def channel(forwarding: Forwarding) -> None:
    """All that comes in goes to people."""
    forwarding.destination("slack:support", SLACK)
    forwarding.rules.add(["*"], "support")
