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

from ..house import Clock
from .field import Field, Wish, wishes
from .yeses import LASTS

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3000)]

Attack = Callable[[Field, Wish], Awaitable[None]]


async def forged_id(field: Field, wish: Wish) -> None:
    """Yeses under ids that nobody was given, near the true one and far from it."""
    name = await field.asked(wish)
    at = field.chance.randrange(len(name))
    near = name[:at] + field.chance.choice("0123456789abcdef") + name[at + 1 :]
    forged = [
        near if near != name else name[::-1] + "x", name.upper() + " ", f" {name}", f"{name}%",
        f"{name}\x00", f"{name}' OR 1=1 --", "%", "", "*", f"{field.chance.getrandbits(40):010x}",
    ]  # fmt: skip
    await field.answer(field.chance.choice(forged), yes=True, grade=2)
    await field.again(wish)


async def replayed(field: Field, wish: Wish) -> None:
    """The yes once more: used, and said again."""
    name = await field.granted(wish)
    await field.again(wish)
    await field.answer(name, yes=True, grade=2)
    await field.again(wish)


async def too_low(field: Field, wish: Wish) -> None:
    """A form's yes to what a person must be seen for."""
    await field.granted(wish, grade=1)
    await field.again(wish)


async def refused(field: Field, wish: Wish) -> None:
    """A yes after the no."""
    name = await field.asked(wish)
    await field.answer(name, yes=False, grade=1)
    await field.answer(name, yes=True, grade=2)
    await field.again(wish)


async def called_off(field: Field, wish: Wish) -> None:
    """Before or after the yes, all was called off."""
    name = await field.granted(wish) if field.chance.random() < 0.5 else await field.asked(wish)
    await field.safety.approvals.cancel_all("the brake")
    field.ledger.over()
    await field.answer(name, yes=True, grade=2)
    await field.again(wish)


async def out_of_time(field: Field, wish: Wish) -> None:
    name = await field.granted(wish) if field.chance.random() < 0.5 else await field.asked(wish)
    field.clock.pass_by(field.chance.choice([LASTS, LASTS + 0.001, 86_400.0, 8 * 86_400.0]))
    await field.answer(name, yes=True, grade=2)
    await field.again(wish)


async def set_back(field: Field, wish: Wish) -> None:
    """A clock that is set back makes no yes last longer."""
    name = await field.granted(wish) if field.chance.random() < 0.5 else await field.asked(wish)
    back = field.chance.choice([0.001, 1.0, 3600.0, 86_400.0])
    field.clock.pass_by(-back)
    await field.answer(name, yes=True, grade=2)
    await field.again(wish)
    field.clock.pass_by(back + LASTS)
    await field.again(wish)


async def other_principal(field: Field, wish: Wish) -> None:
    await field.granted(wish)
    await field.again(wish, principal="bert")
    await field.again(wish, principal=field.chance.choice(["Owner", "owner ", "", "OWNER"]))


async def other_account(field: Field, wish: Wish) -> None:
    """By the caller; no argument names another one here."""
    await field.granted(wish)
    field.ledger.needs[wish.at("globex")] = wish.grade
    await field.again(wish, account="globex")


async def dry_run(field: Field, wish: Wish) -> None:
    """A try uses no yes up, and does nothing."""
    await field.granted(wish)
    before = field.ledger.arrived["all"]
    await field.call(wish.tool, {**wish.arguments, "dry_run": True}, account="acme")
    if field.ledger.arrived["all"] != before:
        field.ledger.breaches.append(f"a dry run arrived: {wish}")
    await field.again(wish)


async def at_once(field: Field, wish: Wish) -> None:
    """One yes, and eight who want it at the same moment."""
    await field.granted(wish)
    await asyncio.gather(*(field.again(wish) for _ in range(8)))


async def given_back(field: Field, wish: Wish) -> None:
    """Aircall does not take it, so that the yes is given back: to nobody else, and not for ever."""
    await field.granted(wish)
    field.ledger.status = 422
    await field.again(wish)
    field.ledger.status = 200
    match field.chance.randrange(3):
        case 0:
            await field.again(wish, principal="bert")
        case 1:
            await field.safety.approvals.cancel_all("the brake")
            field.ledger.over()
        case _:
            field.clock.pass_by(LASTS)
    await field.again(wish)


async def swapped(field: Field, wish: Wish) -> None:
    """The yes is for these arguments; what comes are others, or the same in another spelling."""
    await field.granted(wish)
    given = dict(wish.arguments)
    name = field.chance.choice(list(given))
    given[name] = other(given[name], field.chance)
    if field.chance.random() < 0.3:
        given.update(field.chance.choice(EXTRA))
    pairs = list(given.items())
    field.chance.shuffle(pairs)
    await field.call(wish.tool, dict(pairs), account="acme")
    await field.again(wish)
    await field.again(wish)


async def other_tool(field: Field, wish: Wish) -> None:
    """The same arguments for another tool, or by another door."""
    await field.granted(wish)
    for tool in field.chance.sample(OTHERS, 3):
        if f"aircall_{tool}" not in {one["name"] for one in field.desk.offer().tools}:
            continue
        await field.call(tool, {**wish.arguments, "id": 1, "team_id": 1}, account="acme")
        await field.call(
            tool, {"operation": wish.tool, "arguments": wish.arguments}, account="acme"
        )
    await field.again(wish)


async def guessed(field: Field, wish: Wish) -> None:
    """Ids in a row, until one fits: 40 bits are too many."""
    await field.asked(wish)
    for _ in range(8):
        name = f"{field.chance.getrandbits(40):010x}"
        await field.answer(name, yes=True, grade=2)
    await field.again(wish)


async def crossed(field: Field, wish: Wish) -> None:
    """Two wishes wait, one has its yes; each is asked for as the other."""
    another = wishes(field.chance)
    await field.asked(another)
    await field.granted(wish)
    await field.again(another)
    await field.again(wish)
    await field.again(another)


async def by_plan(field: Field, wish: Wish) -> None:
    """A yes to a plan is for these steps in this order, and for none of them alone."""
    another = wishes(field.chance)
    for one in (wish, another):
        field.ledger.needs[one.at("acme")] = one.grade
    steps = [{"operation": one.tool, "arguments": one.arguments} for one in (wish, another)]
    question = await field.call("plan", {"steps": steps}, account="acme")
    assert isinstance(question, Question)
    grade: Grade = field.chance.choice(GRADES)
    said = await field.answer(question.approval, yes=True, grade=grade)
    before = field.ledger.arrived["all"]
    given = steps[0]["arguments"]
    name = field.chance.choice(list(wish.arguments))
    changed = {"operation": wish.tool, "arguments": {**wish.arguments, name: [given]}}
    for other_steps in (steps[::-1], steps[:1], steps[1:], [*steps, steps[0]], [changed, steps[1]]):
        await field.call("plan", {"steps": other_steps}, account="acme")
    await field.call("plan", {"steps": steps}, "bert", "acme")
    await field.call("plan", {"steps": steps}, account="globex")
    await field.again(wish)
    await field.again(another)
    if field.ledger.arrived["all"] != before:
        field.ledger.breaches.append(f"another plan arrived: {steps}")
    if said:
        for one in (wish, another):
            field.ledger.gave(one.at("acme"), "owner", grade, field.clock())
    for _ in range(2):
        await field.call("plan", {"steps": steps}, account="acme")
    field.clock.pass_by(200)
    await field.call("plan", {"steps": steps}, account="acme")


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
async def field(registry: Registry) -> AsyncGenerator[Field]:
    made = Field(None, registry, Clock(), random.Random(16))
    yield made
    await made.desk.aclose()


async def test_nothing_arrives_without_its_yes(field: Field, full: bool) -> None:
    number = 0
    for number in range(30_000 if full else 600):
        attack = ATTACKS[number % len(ATTACKS)]
        await attack(field, wishes(field.chance))
        field.clock.pass_by(field.chance.choice([0.0, 1.0, 20.0]))
        assert field.ledger.breaches == [], (attack.__name__, number)
    assert field.ledger.arrived["with a yes"] > number / 4  # a true yes opens it
    print(f"approvals: {dict(field.tried)}, {dict(field.ledger.arrived)}, 0 without a yes")
