"""The tests keep to what CONTRIBUTING.md says of them, and no file grows too long to read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
HERE = str(Path(__file__).relative_to(ROOT))

SLEEPS = {
    "tests/chaos/test_renewal.py": "processes are killed at a moment that is left to chance",
    "tests/waiting.py": "the pause between two looks, for all who wait",
    "tests/conformance/fixture_tools.py": "a pause that the suite asks its server for",
}
"""Where a test may let time pass, and why. Everybody else injects the pause, or waits `until`."""

ASSERTS = frozenset({"raises", "warns", "fail", "until", "validate", "call_and_validate"})
"""What holds something beside `assert`: it raises where that is not so."""

LONGEST = 450
"""Lines of a file."""


def ours() -> Iterator[Path]:
    """Every file of the tests, without what others have installed beside them."""
    return (path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)


@cache
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8"))
            for path in sorted(ours())}  # fmt: skip


def sleeps(tree: ast.Module) -> Iterator[int]:
    """The lines in which time passes, also in the code of processes that a test starts."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="sleep") | ast.Name(id="sleep"), args=args):
                if not (args and isinstance(args[0], ast.Constant) and args[0].value == 0):
                    yield node.lineno
            case ast.Constant(value=str(text)) if re.search(r"\bsleep\((?!0\))", text):
                yield node.lineno
            case _:
                pass


def test_a_sleep_is_seen_however_it_is_written() -> None:
    code = 'asyncio.sleep(0)\nanyio.sleep(B)\nsleep(1)\nself.clock.sleep(0.1)\nrun("time.sleep(2)")'
    assert list(sleeps(ast.parse(code))) == [2, 3, 4, 5]
    assert list(sleeps(ast.parse("sleep(delay=3)\nasleep(1)"))) == [1]


def test_no_test_sleeps() -> None:
    found = {f"{name}:{line}" for name, tree in trees().items() if name != HERE
             for line in sleeps(tree)}  # fmt: skip
    assert {place for place in found if place.partition(":")[0] not in SLEEPS} == set()
    assert {place.partition(":")[0] for place in found} == set(SLEEPS)  # nobody is excused in vain


def called(node: ast.AST) -> Iterator[str]:
    """The functions that are called by their own names, and what `ASSERTS` of anything."""
    for one in ast.walk(node):
        match one:
            case ast.Call(func=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) if name in ASSERTS:
                yield name
            case _:
                pass


def asserting(defined: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> set[str]:
    """The names of those that hold something, by themselves or by another of them."""
    holding = set(ASSERTS)
    holding |= {one.name for one in defined
                if any(isinstance(node, ast.Assert) for node in ast.walk(one))}  # fmt: skip
    while more := {one.name for one in defined if not holding.isdisjoint(called(one))} - holding:
        holding |= more
    return holding


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_every_test_asserts_something() -> None:
    holding = asserting([one for tree in trees().values() for one in functions(tree)])
    idle = [
        f"{name}:{one.lineno} {one.name}"
        for name, tree in trees().items()
        for one in functions(tree)
        if one.name.startswith("test_") and one.name not in holding
    ]
    assert idle == []


def test_a_test_that_asserts_nothing_is_seen() -> None:
    code = """
def held(): assert 1
def by_another(): held()
def test_by_another(): by_another()
def test_by_pytest():
    with pytest.raises(E): f()
def test_idle(): thing.held(); f()
"""
    assert asserting(functions(ast.parse(code))) - ASSERTS == {
        "held", "by_another", "test_by_another", "test_by_pytest"
    }  # fmt: skip


def test_tests_are_plain_functions() -> None:
    classes = [
        f"{name}:{node.lineno}"
        for name, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    assert classes == []


def test_no_file_is_longer_than_one_can_read() -> None:
    files = [*ours(), *(ROOT / "server").rglob("*.py")]
    long = {str(path.relative_to(ROOT)) for path in files
            if len(path.read_text("utf-8").splitlines()) > LONGEST}  # fmt: skip
    assert long == set()
