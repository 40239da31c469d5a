"""A yes forged, replayed, stretched to something else, out of time or out of turn: nothing arrives
that no person said yes to, as surely as it needs."""

from __future__ import annotations

import asyncio
import random
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.offer import Registry
from aircall_mcp.safety.policy import Grade

from ..harness import Clock
from .harness import ApprovalHarness, Wish, wishes
from .yeses import LASTS

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3000)]

Attack = Callable[[ApprovalHarness, Wish], Awaitable[None]]


async def forged_id(harness: ApprovalHarness, wish: Wish) -> None:
    """Yeses under ids that nobody was given, near the true one and far from it."""
    name = await harness.asked(wish)
    at = harness.chance.randrange(len(name))
    near = name[:at] + harness.chance.choice("0123456789abcdef") + name[at + 1 :]
    forged = [
        near if near != name else name[::-1] + "x", name.upper() + " ", f" {name}", f"{name}%",
        f"{name}\x00", f"{name}' OR 1=1 --", "%", "", "*", f"{harness.chance.getrandbits(40):010x}",
    ]  # fmt: skip
    await harness.answer(harness.chance.choice(forged), yes=True, grade=2)
    await harness.again(wish)


async def replayed(harness: ApprovalHarness, wish: Wish) -> None:
    """The yes once more: used, and said again."""
    name = await harness.granted(wish)
    await harness.again(wish)
    await harness.answer(name, yes=True, grade=2)
    await harness.again(wish)


async def too_low(harness: ApprovalHarness, wish: Wish) -> None:
    """A form's yes to what a person must be seen for."""
    await harness.granted(wish, grade=1)
    await harness.again(wish)


async def refused(harness: ApprovalHarness, wish: Wish) -> None:
    """A yes after the no."""
    name = await harness.asked(wish)
    await harness.answer(name, yes=False, grade=1)
    await harness.answer(name, yes=True, grade=2)
    await harness.again(wish)


async def called_off(harness: ApprovalHarness, wish: Wish) -> None:
    """Before or after the yes, all was called off."""
    name = (
        await harness.granted(wish) if harness.chance.random() < 0.5 else await harness.asked(wish)
    )
    await harness.safety.approvals.cancel_all("the brake")
    harness.ledger.over()
    await harness.answer(name, yes=True, grade=2)
    await harness.again(wish)


async def out_of_time(harness: ApprovalHarness, wish: Wish) -> None:
    name = (
        await harness.granted(wish) if harness.chance.random() < 0.5 else await harness.asked(wish)
    )
    harness.clock.pass_by(harness.chance.choice([LASTS, LASTS + 0.001, 86_400.0, 8 * 86_400.0]))
    await harness.answer(name, yes=True, grade=2)
    await harness.again(wish)


async def set_back(harness: ApprovalHarness, wish: Wish) -> None:
    """A clock that is set back makes no yes last longer."""
    name = (
        await harness.granted(wish) if harness.chance.random() < 0.5 else await harness.asked(wish)
    )
    back = harness.chance.choice([0.001, 1.0, 3600.0, 86_400.0])
    harness.clock.pass_by(-back)
    await harness.answer(name, yes=True, grade=2)
    await harness.again(wish)
    harness.clock.pass_by(back + LASTS)
    await harness.again(wish)


async def other_principal(harness: ApprovalHarness, wish: Wish) -> None:
    await harness.granted(wish)
    await harness.again(wish, principal="bert")
    await harness.again(wish, principal=harness.chance.choice(["Owner", "owner ", "", "OWNER"]))


async def other_account(harness: ApprovalHarness, wish: Wish) -> None:
    """By the caller; no argument names another one here."""
    await harness.granted(wish)
    harness.ledger.needs[wish.at("globex")] = wish.grade
    await harness.again(wish, account="globex")


async def dry_run(harness: ApprovalHarness, wish: Wish) -> None:
    """A try uses no yes up, and does nothing."""
    await harness.granted(wish)
    before = harness.ledger.arrived["all"]
    await harness.call(wish.tool, {**wish.arguments, "dry_run": True}, account="acme")
    if harness.ledger.arrived["all"] != before:
        harness.ledger.breaches.append(f"a dry run arrived: {wish}")
    await harness.again(wish)


async def at_once(harness: ApprovalHarness, wish: Wish) -> None:
    """One yes, and eight who want it at the same moment."""
    await harness.granted(wish)
    await asyncio.gather(*(harness.again(wish) for _ in range(8)))


async def given_back(harness: ApprovalHarness, wish: Wish) -> None:
    """Aircall does not take it, so that the yes is given back: to nobody else, and not for ever."""
    await harness.granted(wish)
    harness.ledger.status = 422
    await harness.again(wish)
    harness.ledger.status = 200
    match harness.chance.randrange(3):
        case 0:
            await harness.again(wish, principal="bert")
        case 1:
            await harness.safety.approvals.cancel_all("the brake")
            harness.ledger.over()
        case _:
            harness.clock.pass_by(LASTS)
    await harness.again(wish)


async def swapped(harness: ApprovalHarness, wish: Wish) -> None:
    """The yes is for these arguments; what comes are others, or the same in another spelling."""
    await harness.granted(wish)
    given = dict(wish.arguments)
    name = harness.chance.choice(list(given))
    given[name] = other(given[name], harness.chance)
    if harness.chance.random() < 0.3:
        given.update(harness.chance.choice(EXTRA))
    pairs = list(given.items())
    harness.chance.shuffle(pairs)
    await harness.call(wish.tool, dict(pairs), account="acme")
    await harness.again(wish)
    await harness.again(wish)


async def other_tool(harness: ApprovalHarness, wish: Wish) -> None:
    """The same arguments for another tool, or by a tool that takes it along."""
    await harness.granted(wish)
    for tool in harness.chance.sample(OTHERS, 3):
        if f"aircall_{tool}" not in {one["name"] for one in harness.desk.offer().tools}:
            continue
        await harness.call(tool, {**wish.arguments, "id": 1, "team_id": 1}, account="acme")
        await harness.call(
            tool, {"operation": wish.tool, "arguments": wish.arguments}, account="acme"
        )
    await harness.again(wish)


async def guessed(harness: ApprovalHarness, wish: Wish) -> None:
    """Ids in a row, until one fits: 40 bits are too many."""
    await harness.asked(wish)
    for _ in range(8):
        name = f"{harness.chance.getrandbits(40):010x}"
        await harness.answer(name, yes=True, grade=2)
    await harness.again(wish)


async def crossed(harness: ApprovalHarness, wish: Wish) -> None:
    """Two wishes wait, one has its yes; each is asked for as the other."""
    another = wishes(harness.chance)
    await harness.asked(another)
    await harness.granted(wish)
    await harness.again(another)
    await harness.again(wish)
    await harness.again(another)


async def by_plan(harness: ApprovalHarness, wish: Wish) -> None:
    """A yes to a plan is for these steps in this order, and for none of them alone."""
    another = wishes(harness.chance)
    for one in (wish, another):
        harness.ledger.needs[one.at("acme")] = one.grade
    steps = [{"operation": one.tool, "arguments": one.arguments} for one in (wish, another)]
    question = await harness.call("plan", {"steps": steps}, account="acme")
    assert isinstance(question, Question)
    grade: Grade = harness.chance.choice(GRADES)
    said = await harness.answer(question.approval, yes=True, grade=grade)
    before = harness.ledger.arrived["all"]
    given = steps[0]["arguments"]
    name = harness.chance.choice(list(wish.arguments))
    changed = {"operation": wish.tool, "arguments": {**wish.arguments, name: [given]}}
    for other_steps in (steps[::-1], steps[:1], steps[1:], [*steps, steps[0]], [changed, steps[1]]):
        await harness.call("plan", {"steps": other_steps}, account="acme")
    await harness.call("plan", {"steps": steps}, "bert", "acme")
    await harness.call("plan", {"steps": steps}, account="globex")
    await harness.again(wish)
    await harness.again(another)
    if harness.ledger.arrived["all"] != before:
        harness.ledger.breaches.append(f"another plan arrived: {steps}")
    if said:
        for one in (wish, another):
            harness.ledger.gave(one.at("acme"), "owner", grade, harness.clock())
    for _ in range(2):
        await harness.call("plan", {"steps": steps}, account="acme")
    harness.clock.pass_by(200)
    await harness.call("plan", {"steps": steps}, account="acme")


GRADES: tuple[Grade, ...] = (1, 2)
OTHERS = [
    "send_message_in_conversation", "delete_team", "delete_user", "delete_webhook", "write",
    "dial_number", "reach", "delete", "update_user_v1", "create_user_v2",
]  # fmt: skip
EXTRA: list[dict[str, Any]] = [
    {"confirm": True}, {"approved": True}, {"approval": "yes"}, {"grade": 2}, {"person": True},
    {"account": "globex"}, {"idempotency_key": "again"}, {"dry_run": False}, {"force": "true"},
    {"detail": "full"}, {"principal": "owner"}, {"_meta": {"approved": True}},
    {"to": "+33184880018"},
    {"mediaUrl": ["https://cdn.example.com/a.png"]}, {"number_id": 1}, {"first_name": "Eve"},
]  # fmt: skip


def other(value: Any, chance: random.Random) -> Any:
    """Another value that looks like `value`, or the same one otherwise written."""
    if isinstance(value, int):
        return chance.choice(
            [value + 1, str(value), float(value), f" {value} ", value + 0.5, True, [value],
             {"id": value}, str(value)[::-1], f"{value}/../1", f"{value}.0", -value, f"+{value}",
             str(value).translate({48 + n: 0x660 + n for n in range(10)})]
        )  # fmt: skip
    if isinstance(value, list):
        items = cast("list[Any]", value)
        more: list[Any] = [
            [*items, "admin"], [], [items], str(items), items * 2, "owner", [f"{items[0]} "],
        ]  # fmt: skip
        return chance.choice(more)
    text = str(value)
    at = chance.randrange(len(text))
    unseen = chance.choice(["\u200b", "\u2060", "\u00ad", "\u202e", "\ufeff", "\u0301", "\x00"])
    return chance.choice([
        text[:at] + unseen + text[at:],
        text.upper(), text + " ", text + "\n", unicodedata.normalize("NFD", text),
        unicodedata.normalize("NFKC", text), text.translate(LOOKALIKES), text[::-1],
        text[:-1] + "8",
        text.translate({48 + n: 0xFF10 + n for n in range(10)}), [text], {"text": text},
        text.replace("+33", "0033"), text.replace("+33", "+33 (0)"), f"tel:{text}", text + ",8",
    ])  # fmt: skip


LOOKALIKES = str.maketrans("aeopcx.", "\u0430\u0435\u043e\u0440\u0441\u0445\u2024")

ATTACKS: list[Attack] = [
    forged_id, replayed, too_low, refused, called_off, out_of_time, set_back, other_principal,
    other_account, dry_run, at_once, given_back, swapped, swapped, swapped, other_tool, guessed,
    crossed, by_plan,
]  # fmt: skip


@pytest.fixture
async def harness(registry: Registry) -> AsyncGenerator[ApprovalHarness]:
    made = ApprovalHarness(None, registry, Clock(), random.Random(16))
    yield made
    await made.desk.aclose()


async def test_nothing_arrives_without_its_yes(harness: ApprovalHarness, full: bool) -> None:
    number = 0
    for number in range(30_000 if full else 600):
        attack = ATTACKS[number % len(ATTACKS)]
        await attack(harness, wishes(harness.chance))
        harness.clock.pass_by(harness.chance.choice([0.0, 1.0, 20.0]))
        assert harness.ledger.breaches == [], (attack.__name__, number)
    assert harness.ledger.arrived["with a yes"] > number / 4  # a true yes opens it
    print(f"approvals: {dict(harness.tried)}, {dict(harness.ledger.arrived)}, 0 without a yes")
