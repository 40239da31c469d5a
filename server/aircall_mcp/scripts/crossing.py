"""What crosses between a script and us is text: JSON that is made and read where the script runs.

What the interpreter hands over as objects would be built here, and to build some takes for ever: a
key that is a tuple of tuples shares its parts there, and here each part is hashed wherever it
stands. Text is also twice as fast for what is told there.
"""

from __future__ import annotations

import ast
import json
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Function: TypeAlias = Callable[..., Coroutine[Any, Any, str]]
"""Answers in JSON."""

MOST_VALUES: Final = 70_000
"""Values that are looked at before it is too much, of what is asked or given back."""
LONGEST: Final = 1_000_000
"""Characters of JSON that cross at once."""
FILE: Final = '"<python-input-0>"'
"""Where our own lines are, as the interpreter names what it was given first."""
RESULT: Final = "_result"

_OURS: Final = """
def _made(call, dumps, loads, day, clock, exact):
    def plain(value, left):
        left[0] -= 1
        if left[0] < 0:
            raise ValueError('this is too long to hand over')
        if isinstance(value, dict):
            return {name: plain(one, left) for name, one in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [plain(one, left) for one in value]
        if isinstance(value, (day, clock)):
            return value.isoformat()
        return str(value) if isinstance(value, exact) else value
    def text(value):
        return dumps(plain(value, [MOST]))
    async def read(answer):
        return loads(await answer)
    def function(name):
        def called(*args, **kwargs):
            return read(call(f"{text([name, list(args), kwargs])}"))
        return called
    return function, text
import datetime, decimal, json
_function, TEXT = _made(
    CALL, json.dumps, json.loads, datetime.date, datetime.time, decimal.Decimal
)
CALL = None
"""


@dataclass(frozen=True, slots=True)
class Crossing:
    """`first` is to be run before the script, `last` after it gives its result as JSON; both with
    `names`, which a script neither guesses nor finds among its own: what is called by one of them
    is handed over as it is."""

    first: str
    last: str
    names: Mapping[str, Function]


def crossing(functions: Mapping[str, Function]) -> Crossing:
    """For a script that may call these by their names."""

    def call(said: str) -> Coroutine[Any, Any, str]:
        if len(said) > LONGEST:
            raise RuntimeError("argument: a call takes less than that.")
        name, args, kwargs = json.loads(said)
        return functions[name](*args, **kwargs)

    ours, text = (f"_{secrets.token_hex(16)}" for _ in range(2))
    head = _OURS.replace("MOST", str(MOST_VALUES)).replace("CALL", ours).replace("TEXT", text)
    lines = [f"{name} = _function({name!r})" for name in functions]
    first = "\n".join([head, *lines, f"{RESULT} = None"])
    # A script may find the name of `text` and put something else there: it is a text all the same.
    return Crossing(first, f'f"{{{text}({RESULT})}}"', {ours: call})


def kept(code: str) -> str:
    """The same script, which keeps the value of its last expression and gives none. Raises
    `SyntaxError` and what else parsing may, `ValueError`, `RecursionError`, `MemoryError`."""
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    body = ast.parse(code).body
    lines = code.split("\n")
    if body and isinstance(body[-1], ast.Expr):
        at, column = body[-1].lineno - 1, body[-1].col_offset  # in bytes
        line = lines[at].encode()
        lines[at] = f"{line[:column].decode()}{RESULT} = {line[column:].decode()}"
    return "\n".join([*lines, "None"])


def result_in(said: str) -> Any:
    """The result that crossed. Raises `ValueError`."""
    if len(said) > LONGEST:
        raise ValueError("too long")
    return json.loads(said)
