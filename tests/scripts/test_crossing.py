"""What crosses between a script and us, and what of a script is kept."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.scripts import Interpreter

pytestmark = pytest.mark.anyio

UNBINDING = """
x = (1,)
for _ in range(29):
    x = (x, x)
for name in [*locals()]:
    if name[0] == "_":
        exec(f"try:\\n    1 / 0\\nexcept Exception as {name}:\\n    pass")
        try:
            eval(name + "({x: 1})")
        except Exception:
            pass
{x: 1}
"""
"""A name that is bound to nothing is looked up where the script came from."""


@pytest.fixture
async def interpreter() -> AsyncGenerator[Interpreter]:
    made = Interpreter()
    yield made
    await made.aclose()


async def test_no_name_that_a_script_unbinds_is_what_takes_objects(
    interpreter: Interpreter,
) -> None:
    began = time.process_time()
    with pytest.raises(ArgumentError):
        await interpreter.run(UNBINDING, {})
    assert time.process_time() - began < 4
    assert (await interpreter.run("1", {})).value == 1


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("return 5", 5),
        ("return [1,\n  'é'], 2 # so\n", [[1, "é"], 2]),
        ("for n in range(3):\n    if n: return n; n = 7\n9", 1),
        ("try:\n    return 1 / 0\nexcept ZeroDivisionError:\n    return(6)\n9", 6),
        ("if False:\n    return 3\nelse:\n    'é'; return 'é'; return 5", "é"),
        ("def f():\n    return 1\nreturn\nf()", None),
        ("def f():\n    return 1\nf()", 1),
        ("return 'return 5'; 6", "return 5"),
    ],
)
async def test_the_result_is_what_is_returned_or_the_last_expression(
    interpreter: Interpreter, code: str, result: Any
) -> None:
    assert (await interpreter.run(code, {})).value == result


async def test_a_long_failure_holds_up_nobody(interpreter: Interpreter) -> None:
    """What it says is as long as the memory of the script allows: millions of lines."""
    began = time.process_time()
    with pytest.raises(ArgumentError, match=r"the end$"):
        await interpreter.run(
            "raise ValueError('  File \"x\", line 1\\n' * 700_000 + 'the end')", {}
        )
    assert time.process_time() - began < 0.4


CALLING = """
def isinstance(*_):
    return False
for _ in range(30):
    try:
        await told(x=[[]] * 40_000)
    except RuntimeError:
        pass
"""
"""What counts the values where the script runs is the script's own here."""


async def test_what_is_asked_holds_up_nobody_however_often(interpreter: Interpreter) -> None:
    heard: list[Any] = []

    async def told(**asked: Any) -> str:
        heard.append(asked)
        return "[]"

    await interpreter.run(CALLING, {"told": told})
    assert heard == []
    await interpreter.run("await told(x='é' * 60_000)", {"told": told})
    assert len(heard[0]["x"]) == 60_000


async def test_a_result_that_is_too_long_is_said_to_be(interpreter: Interpreter) -> None:
    with pytest.raises(ArgumentError, match="too long: 70002 characters"):
        await interpreter.run("'a' * 70_000", {})
