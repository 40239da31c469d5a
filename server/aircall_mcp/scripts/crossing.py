"""Only text crosses between a script and the server: JSON that is made and read where the script
runs.

What the interpreter hands over as objects would be built here, and to build some takes for ever: a
key that is a tuple of tuples shares its parts there, and here each part is hashed wherever it
stands. Text is also twice as fast for what is told there.
"""

from __future__ import annotations

import ast
import json
import secrets
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Function: TypeAlias = Callable[..., Coroutine[Any, Any, str]]
"""Answers in JSON."""

MOST_VALUES: Final = 70_000
"""Values that are looked at before it is too much, of what is asked or given back."""
LONGEST: Final = 64 * 1024
"""Characters of JSON that cross at once: what is asked, or the result. They are read on the loop,
as often as a script may call."""
FILE: Final = '"<python-input-0>"'
"""Where our own lines are, as the interpreter names what it was given first."""
RESULT: Final = "_result"
TAKEN: Final = "what is called by us alone"
"""The name of what takes a call over here: no identifier, so that no script ever looks it up. One
that a script unbinds would be looked up anew, and be had as it is."""

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
        return dumps(plain(value, [MOST]), ensure_ascii=False)
    async def read(answer):
        return loads(await answer)
    def function(name):
        def called(*args, **kwargs):
            return read(call(f"{text([name, list(args), kwargs])}"))
        return called
    return function, text
import datetime, decimal, json
_function, TEXT = _made(
    _call, json.dumps, json.loads, datetime.date, datetime.time, decimal.Decimal
)
_call = None
"""


@dataclass(frozen=True, slots=True)
class Crossing:
    """`first` is to be run before the script, with `inputs`; `last` after it gives its result as
    JSON. `names` go with all of them: what is called by one is handed over as it is."""

    first: str
    last: str
    inputs: Mapping[str, Function]
    names: Mapping[str, Function]


def crossing(functions: Mapping[str, Function]) -> Crossing:
    """For a script that may call these by their names."""

    def call(said: str) -> Coroutine[Any, Any, str]:
        if len(said) > LONGEST:
            raise RuntimeError(f"argument: a call takes {LONGEST} characters, in all.")
        name, args, kwargs = json.loads(said)
        return functions[name](*args, **kwargs)

    call.__name__ = TAKEN
    text = f"_{secrets.token_hex(16)}"
    head = _OURS.replace("MOST", str(MOST_VALUES)).replace("TEXT", text)
    lines = [f"{name} = _function({name!r})" for name in functions]
    first = "\n".join([head, *lines, f"{RESULT} = None"])
    # A script may find the name of `text` and put something else there: it is a text all the same.
    return Crossing(first, f'f"{{{text}({RESULT})}}"', {"_call": call}, {TAKEN: call})


def kept(code: str) -> str:
    """The same script, which keeps the value of its last expression, or of the `return` that ends
    it, and gives none. Raises `SyntaxError` and what else parsing may, `ValueError`,
    `RecursionError`, `MemoryError`."""
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    body = ast.parse(code).body
    lines = [line.encode() for line in code.split("\n")]  # columns are in bytes

    def put(row: int, column: int, words: str, instead_of: int = 0) -> None:
        line = lines[row - 1]
        lines[row - 1] = line[:column] + words.encode() + line[column + instead_of :]

    # From the end on, so that nothing moves before it is put where it belongs.
    if body and isinstance(body[-1], ast.Expr):
        put(body[-1].lineno, body[-1].col_offset, f"{RESULT} = ")
    for one in reversed([*_returns(body)]):
        put(one.end_lineno or one.lineno, one.end_col_offset or 0, "; return")
        put(one.lineno, one.col_offset, f"{RESULT} =", len("return"))
    return b"\n".join([*lines, b"None"]).decode()


def _returns(body: Iterable[ast.AST]) -> Iterator[ast.Return]:
    """Those with a value that end the script itself, in the order of its text."""
    for one in body:
        if isinstance(one, ast.Return) and one.value is not None:
            yield one
        elif isinstance(one, (ast.stmt, ast.ExceptHandler, ast.match_case)) and not isinstance(
            one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        ):
            yield from _returns(ast.iter_child_nodes(one))


def result_in(said: str) -> Any:
    """The result that crossed. Raises `ValueError`."""
    if len(said) > LONGEST:
        raise ValueError(f"{len(said)} characters")
    return json.loads(said)
