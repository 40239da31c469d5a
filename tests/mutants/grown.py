"""Mutants that nobody thought of, of what a person's yes stands on: each comparison, constant,
condition and call that decides something, changed one at a time, a share of them drawn by lot.

Each meets the tests of its file first, then those that attack it. Run it alone:

    python tests/mutants/grown.py --sample 120 --seed 16
    python tests/mutants/grown.py --file safety/approvals.py --sample 1000
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "server/aircall_mcp"
SECONDS = 60
"""After which a test is taken for hanging."""

_PAGE = ["tests/console", "tests/attacks/test_page.py"]
_FORM = ["tests/journeys/test_elicitation.py", "tests/attacks/test_approvals_by_form.py"]
_ATTACK = "tests/attacks/test_approvals.py"
_JUDGE, _PLANS = "tests/safety/test_judge.py", "tests/safety/test_plans.py"
_LEASES = "tests/safety/test_leases.py"
TESTS: dict[str, list[str]] = {
    "safety/approvals.py": ["tests/safety/test_approvals.py", _LEASES, _JUDGE, _PLANS, _ATTACK],
    "safety/judge.py": [_JUDGE, _PLANS, _LEASES, "tests/attacks/test_forbidden.py", _ATTACK],
    "safety/policy.py": ["tests/safety/test_policy.py", _JUDGE, _PLANS],
    "safety/holds.py": [_JUDGE, _LEASES, _PLANS, _ATTACK],
    "safety/usage.py": ["tests/safety/test_usage.py", _JUDGE],
    "safety/visitors.py": ["tests/safety/test_visitors.py", *_PAGE],
    "safety/leases.py": [_LEASES, _PLANS],
    "safety/planned.py": ["tests/safety/test_planned.py", _PLANS, _LEASES],
    "safety/plans.py": [_PLANS, _LEASES, "tests/workflows/test_send_text.py"],
    "protocol/elicitation.py": _FORM,
    "console/site.py": _PAGE,
    "console/origin.py": _PAGE,
    "console/console.py": _PAGE,
}
"""Those of a file come first: most mutants die of them."""
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SQL = (
    (" AND principal = :principal", ""), (" AND account = :account", ""),
    (" AND identity = :identity", ""), (" AND asked <= :now", ""), (" AND expires > :now", ""),
    ("expires > :now", "expires >= :now"), ("grade >= :grade", "grade > :grade"),
    ("given >= :grade", "given <= :grade"), ("grade <= :least", "grade >= :least"),
    ("standing = 'waiting'", "standing <> 'used'"), ("standing = 'approved'", "given > 0"),
    ("wall > :since", "wall >= :since"), ("SUM(size)", "COUNT(size)"),
    ("IN ('waiting', 'approved')", "IN ('waiting')"), (" AND kind = :kind", ""),
    ("WHERE number = :number", "WHERE 1 = 1"), ("since >= :since", "since > :since"),
    ("SET expires = asked", "SET way = way"), (" AND made <= :now", ""), (" AND used < size", ""),
    ("used + :size", "used + 1"), ("used - :size", "used"),
    ("ORDER BY asked DESC", "ORDER BY asked"),
)  # fmt: skip


SAME: dict[tuple[str, str, str], str] = {
    ("safety/approvals.py", "2", "one more"): "no question needs more than 2",
    ("safety/approvals.py", "True", "turned"): "a row has the columns that were asked for",
    (
        "safety/holds.py",
        "if held.approval or held.lease or held.place:",
        "always",
    ): "a transaction with nothing in it",
}
"""Mutants that no test can see, by file, the line that stood there and what was done to it, with
why."""


@dataclass(frozen=True, slots=True)
class Grown:
    file: str
    line: int
    what: str
    source: str
    was: str = ""
    """What stood there."""


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What stands in the place of `node`, each with a word for it."""
    match node:
        case ast.Compare(left, [op], right) if type(op) in COMPARED:
            other = COMPARED[type(op)]()
            yield (
                f"{type(op).__name__} to {type(other).__name__}",
                ast.Compare(left, [other], right),
            )
        case ast.BoolOp(op, values):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and with or", ast.BoolOp(other, values)
            yield (
                "without its first part",
                values[1] if len(values) == 2 else ast.BoolOp(op, values[1:]),
            )
        case ast.UnaryOp(ast.Not(), operand):
            yield "without not", operand
        case ast.BinOp(left, ast.Add(), right) if not isinstance(
            left, ast.Constant | ast.JoinedStr
        ):
            yield "plus to minus", ast.BinOp(left, ast.Sub(), right)
        case ast.BinOp(left, ast.Sub(), right):
            yield "minus to plus", ast.BinOp(left, ast.Add(), right)
        case ast.Constant(bool() as value):
            yield "turned", ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield "one more", ast.Constant(value + 1)
        case ast.Constant(str() as value):
            for old, new in SQL:
                if old in value:
                    yield (
                        f"{old.strip()} to {new or 'nothing'}",
                        ast.Constant(value.replace(old, new)),
                    )
        case ast.IfExp(_test, body, orelse):
            yield "always the first", body
            yield "always the other", orelse
        case ast.If(_test, body, orelse):
            yield "never", ast.If(ast.Constant(False), body, orelse)
            yield "always", ast.If(ast.Constant(True), body, orelse)
        case ast.Expr(ast.Call() | ast.Await()):
            yield "left out", ast.Pass()
        case ast.Return(ast.expr()):
            yield "None", ast.Return(ast.Constant(None))
        case _:
            return


def grown(file: str, root: Path = ROOT) -> list[Grown]:
    """All that can be grown of `file`; what says the same as before is none."""
    text = (root / PACKAGE / file).read_text("utf-8")
    tree, found = ast.parse(text), list[Grown]()
    inert = _inert(tree)
    for node in ast.walk(tree):
        if id(node) in inert:
            continue
        line: int = getattr(node, "lineno", 0)
        was = ast.unparse(node)
        for what, other in _changes(node):
            if (file, was.partition("\n")[0], what) in SAME:
                continue
            for parent in ast.walk(tree):
                for name, value in ast.iter_fields(parent):
                    if value is node:
                        setattr(parent, name, other)
                        found.append(Grown(file, line, what, _written(tree), was))
                        setattr(parent, name, node)
                    elif isinstance(value, list) and any(one is node for one in value):  # pyright: ignore
                        at = next(n for n, one in enumerate(value) if one is node)  # pyright: ignore
                        value[at] = other
                        found.append(Grown(file, line, what, _written(tree), was))
                        value[at] = node
    return found


def _written(tree: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))


def _inert(tree: ast.AST) -> set[int]:
    """What decides nothing: annotations, words for a log or a person, and what types alone read."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                parts = [one for one in (node.returns, *node.decorator_list) if one is not None]
                parts += [a.annotation for a in ast.walk(node.args)
                          if isinstance(a, ast.arg) and a.annotation]  # fmt: skip
            case ast.AnnAssign():
                parts = [node.annotation]
            case ast.If(ast.Name("TYPE_CHECKING")) | ast.Assert() | ast.ImportFrom():
                parts = [node]
            case ast.Expr(ast.Constant()):
                parts = [node]
            case ast.Call(ast.Attribute(ast.Name("log"))):
                parts = [node]
            case ast.Expr(ast.Call(ast.Attribute(ast.Name("log")))):
                parts = [node]
            case ast.Call(ast.Name("dataclass")):
                parts = [node]
            case _:
                pass
        found |= {id(one) for part in parts for one in ast.walk(part)}
    return found


def _copied(place: Path) -> None:
    for name in ("server", "tests", "tool_specs", "docs", "pyproject.toml", "Makefile"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, symlinks=True)
        else:
            shutil.copy2(source, place / name)


def _tested(place: Path, tests: list[str], file: str = "") -> int:
    """How pytest ended in a fork of this process, which has loaded all that does not depend on
    `file`. Where none is named, its bytecode is left to the others."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            if file:
                _forget(place, file)
            code = _run(place, tests, first=not file)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _run(place: Path, tests: list[str], *, first: bool) -> int:
    """In the fork: what is said goes into a file."""
    sink = os.open(place / "out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.chdir(place)
    sys.dont_write_bytecode = not first
    # What is loaded already cannot be rewritten, and need not be.
    words = ["-x", "-q", "-p", "no:cacheprovider", "-o", f"timeout={SECONDS}",
             "-W", "ignore::pytest.PytestAssertRewriteWarning"]  # fmt: skip
    return int(pytest.main([*words, *tests]))


def _forget(place: Path, file: str) -> None:
    """As if nothing had been loaded of `file`, nor of what imports it, by whatever way."""
    server = place / "server"
    imports = {_module(path, server): _imported(path, server)
               for path in server.rglob("*.py")}  # fmt: skip
    stale, grows = {_module(server / "aircall_mcp" / file, server)}, True
    while grows:
        more = {name for name, seen in imports.items() if not seen.isdisjoint(stale)} - stale
        stale, grows = stale | more, bool(more)
    for name in stale & sys.modules.keys():
        del sys.modules[name]
        above, _, last = name.rpartition(".")
        vars(sys.modules.get(above, sys)).pop(last if above else "", None)


def _module(path: Path, server: Path) -> str:
    parts = path.relative_to(server).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, server: Path) -> set[str]:
    """All that a module may load: the names in its imports, taken for modules."""
    package, found = list(path.relative_to(server).parts[:-1]), set[str]()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            within = ".".join([*base, *([node.module] if node.module else [])])
            found |= {within, *(f"{within}.{alias.name}" for alias in node.names)}
    return found


def _preload(place: Path) -> None:
    """Packages of others and our own, so that no mutant waits for them."""
    import anyio  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import httpx2  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import hypothesis  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import jsonschema_rs  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import mcp.server  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import starlette.applications  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]

    sys.path[:0] = [str(place), str(place / "server")]
    for path in sorted((place / PACKAGE).rglob("*.py")):
        if path.stem != "__main__" and "training" not in path.parts:
            with suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(_module(path, place / "server"))


def drawn(files: list[str], sample: int, seed: int, root: Path) -> list[Grown]:
    """A share of each file, as large as the file has places."""
    chance, every = random.Random(seed), {file: grown(file, root) for file in files}
    total = sum(len(found) for found in every.values())
    picked = list[Grown]()
    for found in every.values():
        share = min(len(found), max(1, round(sample * len(found) / total)))
        picked += sorted(chance.sample(found, share), key=lambda one: one.line)
    return picked


def main() -> int:
    parser = argparse.ArgumentParser(description="Grow mutants of what a yes stands on.")
    parser.add_argument("--sample", type=int, default=120, help="how many, all files together")
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--file", nargs="+", choices=TESTS, help="of these alone")
    asked = parser.parse_args()
    files = [one for one in asked.file or TESTS if (ROOT / PACKAGE / one).exists()]
    counts = Counter[str]()
    with tempfile.TemporaryDirectory(prefix="grown-") as home:
        place = Path(home).resolve()
        _copied(place)
        _preload(place)
        every = list(dict.fromkeys(test for file in files for test in TESTS[file]))
        if (code := _tested(place, every)) != 0:
            print((place / "out.txt").read_text()[-2000:])
            print(f"the tests fail as it is: {code}", file=sys.stderr)
            return 2
        for one in drawn(files, asked.sample, asked.seed, place):
            path = place / PACKAGE / one.file
            before = path.read_text("utf-8")
            path.write_text(one.source, "utf-8")
            for cached in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
                cached.unlink()
            code = _tested(place, TESTS[one.file], one.file)
            path.write_text(before, "utf-8")
            hung = "Timeout (>" in (place / "out.txt").read_text("utf-8", "replace")
            word = "survived" if code == 0 else "hung" if hung else "killed"
            counts[word] += 1
            was = " ".join(one.was.split())[:60]
            print(f"{word:8}  {one.file}:{one.line}  {one.what}: {was}", flush=True)
    seen = counts["killed"] + counts["hung"]
    rate = seen / max(1, counts.total())
    hanging = f", {counts['hung']} of them by hanging" if counts["hung"] else ""
    print(f"{seen} of {counts.total()} killed ({rate:.0%}){hanging}")
    return 0 if rate >= 0.9 else 1


if __name__ == "__main__":
    words = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    print(subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip())
    sys.exit(main())
