from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aircall_mcp.safety.safety import Safety
from aircall_mcp.safety.visitors import Visitors, shown_at, token_for

from ..harness import Clock

pytestmark = pytest.mark.anyio

CODE_LASTS, VISIT_LASTS, BETWEEN_CALLS = 300.0, 3600.0, 30.0
GUESSES, MOST_CODES = 5, 2


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def visitors(home: Path, clock: Clock) -> AsyncIterator[Visitors]:
    safety = Safety.of(home, clock=clock.handed())
    yield safety.visitors
    safety.close()


async def code(visitors: Visitors) -> str:
    made = await visitors.code("terminal")
    assert made is not None
    assert re.fullmatch(r"[A-HJ-NP-TV-Z2-9]{4}-[A-HJ-NP-TV-Z2-9]{4}", made)
    return made


async def test_a_code_lets_in_once_however_it_is_typed(visitors: Visitors, clock: Clock) -> None:
    for form in ("{}", " {} ", "{}\n"):
        made = await code(visitors)
        key = await visitors.enter(form.format(made.lower().replace("-", " ")))
        assert key is not None
        assert await visitors.visits(key)
        assert await visitors.enter(made) is None


async def test_nobody_comes_in_without_one(visitors: Visitors) -> None:
    await code(visitors)
    for wrong in ("", "AAAA-AAAA", "'; --", "\ud800", "A" * 10_000):
        assert await visitors.enter(wrong) is None
        assert not await visitors.visits(wrong)


async def test_a_code_lasts_for_minutes_and_a_visit_for_an_hour(
    visitors: Visitors, clock: Clock
) -> None:
    late, made = await code(visitors), await code(visitors)
    clock.pass_by(CODE_LASTS - 1)
    key = await visitors.enter(made)
    assert key is not None
    clock.pass_by(1)
    assert await visitors.enter(late) is None
    clock.pass_by(VISIT_LASTS - 2)
    assert await visitors.visits(key)
    clock.pass_by(1)
    assert not await visitors.visits(key)


async def test_a_clock_that_is_set_back_lets_nobody_in_for_longer(
    visitors: Visitors, clock: Clock
) -> None:
    made = await code(visitors)
    key = await visitors.enter(await code(visitors))
    assert key is not None
    clock.pass_by(-60)
    assert not await visitors.visits(key)
    assert await visitors.enter(made) is None


async def test_a_clock_that_is_set_back_keeps_nobody_out_for_longer(
    visitors: Visitors, clock: Clock
) -> None:
    assert await visitors.code("browser") is not None
    clock.pass_by(-60)
    assert await visitors.code("browser") is not None


async def test_wrong_guesses_end_every_code(visitors: Visitors) -> None:
    first, second = await code(visitors), await code(visitors)
    for _ in range(GUESSES - 1):
        assert await visitors.enter("AAAA-AAAA") is None
    assert await visitors.enter(second) is not None
    assert await visitors.enter("AAAA-AAAA") is None
    assert await visitors.enter(first) is None
    assert await visitors.enter(await code(visitors)) is not None  # a person has another one shown


async def test_a_browser_does_not_call_for_codes_without_end(
    visitors: Visitors, clock: Clock
) -> None:
    shown = await visitors.code("browser")
    assert shown is not None
    assert await visitors.code("browser") is None
    await code(visitors)  # a terminal may still
    for _ in range(GUESSES):  # not either by spoiling the one that was shown
        await visitors.enter("AAAA-AAAA")
    assert await visitors.code("browser") is None
    clock.pass_by(BETWEEN_CALLS)
    assert await visitors.code("browser") is not None


async def test_what_browsers_ask_for_takes_no_code_away_from_a_terminal(
    visitors: Visitors, clock: Clock
) -> None:
    made: list[str] = []
    for _ in range(MOST_CODES + 1):
        made.append(await code(visitors))
        clock.pass_by(1)
    for _ in range(MOST_CODES + 1):
        clock.pass_by(BETWEEN_CALLS)
        assert await visitors.code("browser") is not None
    assert await visitors.enter(made[0]) is None  # the oldest made room
    assert await visitors.enter(made[-1]) is not None
    assert await visitors.enter(made[-2]) is not None


async def test_whoever_leaves_ends_all_visits_and_codes(visitors: Visitors) -> None:
    made = await code(visitors)
    key = await visitors.enter(await code(visitors))
    assert key is not None
    await visitors.leave()
    assert not await visitors.visits(key)
    assert await visitors.enter(made) is None


async def test_one_process_lets_in_what_another_one_shows(home: Path, clock: Clock) -> None:
    one, other = (Safety.of(home, clock=clock.handed()) for _ in range(2))
    try:
        key = await other.visitors.enter(await code(one.visitors))
        assert key is not None
        assert await one.visitors.visits(key)
    finally:
        one.close()
        other.close()


async def test_neither_a_code_nor_a_key_is_kept(home: Path, visitors: Visitors) -> None:
    waiting = await code(visitors)
    key = await visitors.enter(await code(visitors))
    assert key is not None
    kept = every_byte(home)
    for secret in (waiting, waiting.replace("-", ""), key):
        assert secret.encode() not in kept


def every_byte(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.glob("visitors.db*"))


def test_a_token_is_good_for_one_visit_one_approval_and_one_moment() -> None:
    token = token_for("key", "a1", 1_700_000_000.25)
    assert shown_at(token, "key", "a1") == 1_700_000_000.25
    assert shown_at(token_for("key", "a1", -1.0), "key", "a1") == 0.0
    for given, key, approval in (
        (token, "key", "a2"),
        (token, "other", "a1"),
        ("", "key", "a1"),
        (token[:-1], "key", "a1"),
        (token.replace(".250", ".249"), "key", "a1"),
        (token.replace(".250", ".2500"), "key", "a1"),
        ("nan" + token, "key", "a1"),
        ("٣" + token, "key", "a1"),
        ("é", "key", "a1"),
    ):
        assert shown_at(given, key, approval) is None
