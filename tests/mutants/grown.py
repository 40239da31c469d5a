"""Mutants that nobody thought of, of what a person's yes stands on: each comparison, constant,
condition and call that decides something, changed one at a time, a share of them drawn by lot.

Each meets the tests that come past its line, the quickest first, in a fork of one process that has
loaded and collected all. Run it alone:

    python tests/mutants/grown.py --sample 120 --seed 16
    python tests/mutants/grown.py --file safety/approvals.py --sample 1000
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "server/aircall_mcp"
SECONDS = 60
"""After which a test is taken for hanging."""

HIT = "__hit__"
_WRITTEN = tomllib.loads(Path(__file__).with_name("grown.toml").read_text("utf-8"))
TESTS: dict[str, list[str]] = {
    file: [test for one in _WRITTEN["group"] if file in one["files"] for test in one["tests"]]
    for group in _WRITTEN["group"]
    for file in group["files"]
}
"""By file, the tests that may come past its lines."""
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

SAME = {(one["file"], one["was"], one["done"]) for one in _WRITTEN["same"]}
"""Mutants that no test can see, by file, the line that stood there and what was done to it."""


@dataclass(frozen=True, slots=True)
class Grown:
    file: str
    line: int
    what: str
    source: str
    was: str = ""
    """What stood there."""
    met: int = 0
    """The line of the statement in a function, which a test has to come past; 0 outside of all."""


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
        case ast.Return(ast.expr() as value) if ast.unparse(value) != "None":
            yield "None", ast.Return(ast.Constant(None))
        case _:
            return


def grown(file: str, root: Path = ROOT) -> list[Grown]:
    """All that can be grown of `file`; what says the same as before is none."""
    text = (root / PACKAGE / file).read_text("utf-8")
    tree, found = ast.parse(text), list[Grown]()
    inert, met = _inert(tree), _met(tree)
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
                        found.append(Grown(file, line, what, _written(tree), was, met[id(node)]))
                        setattr(parent, name, node)
                    elif isinstance(value, list) and any(one is node for one in value):  # pyright: ignore
                        at = next(n for n, one in enumerate(value) if one is node)  # pyright: ignore
                        value[at] = other
                        found.append(Grown(file, line, what, _written(tree), was, met[id(node)]))
                        value[at] = node
    return found


def _met(tree: ast.Module) -> dict[int, int]:
    """By the id of a node, where the smallest statement begins that it is in, within a function."""
    found: dict[int, int] = {}

    def down(node: ast.AST, line: int, *, within: bool) -> None:
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if within and isinstance(node, ast.stmt):
            line = node.lineno
        found[id(node)] = line
        for child in ast.iter_child_nodes(node):
            down(child, line, within=within or (function and isinstance(child, ast.stmt)))

    down(tree, 0, within=False)
    return found


def _marked(text: str, file: str) -> str:
    """The same, saying of each statement in a function that somebody comes past it."""
    tree, done = ast.parse(text), set[int]()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in [one for one in ast.walk(function) if id(one) not in done]:
            done.add(id(node))
            for name in ("body", "orelse", "finalbody"):
                held = getattr(node, name, None)
                if isinstance(held, list):
                    parts = [(ast.parse(f"{HIT}(({file!r}, {n.lineno}))").body[0], n) for n in held]  # pyright: ignore
                    setattr(node, name, [one for both in parts for one in both])  # pyright: ignore
    return _written(tree)


def _written(tree: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))


def _inert(tree: ast.AST) -> set[int]:
    """What decides nothing: annotations, words for a log, what types alone read, and that an id has
    one byte more."""
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
            case (
                ast.If(ast.Name("TYPE_CHECKING")) | ast.Assert() | ast.ImportFrom()
                | ast.Expr(ast.Constant()) | ast.Call(ast.Attribute(ast.Name("log")))
                | ast.Expr(ast.Call(ast.Attribute(ast.Name("log"))))
                | ast.Call(ast.Name("dataclass"))
                | ast.Call(ast.Attribute(ast.Name("os"), "urandom"))
                | ast.ClassDef(bases=[ast.Name("Protocol")])
            ):  # fmt: skip
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


class Session:
    """All tests, collected once in this process; each mutant meets those that come past its line
    in a fork of it, the quickest first."""

    def __init__(self, place: Path, asked: argparse.Namespace, files: list[str]) -> None:
        self.place, self.asked, self.files = place, asked, files
        self.items: dict[str, pytest.Item] = {}
        self.took: dict[str, float] = {}
        self.past: dict[str, dict[int, set[str]]] = {file: {} for file in files}
        """By file and line, the tests that come past it."""
        self.counts = Counter[str]()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return True
        self.items = {item.nodeid: item for item in session.items}
        self._learn()
        for one in drawn(self.files, self.asked.sample, self.asked.seed, self.place):
            word = self._met(one)
            self.counts[word] += 1
            told = f"{one.what}: {' '.join(one.was.split())[:60]}"
            print(f"{word:8}  {one.file}:{one.line}  {told}", file=sys.stderr, flush=True)
        return True

    def _learn(self) -> None:
        """Which tests come past which lines. One that does not pass as it is tells nothing."""
        into = self.place / "past.json"
        if _forked(lambda: self._watched(into)) != 0:
            raise pytest.UsageError("the tests cannot be run as it is")
        for name, (took, lines) in json.loads(into.read_text()).items():
            self.took[name] = took
            for file, line in lines:
                self.past[file].setdefault(line, set()).add(name)
        for name in self.items.keys() - self.took.keys():
            print(f"left out, since it fails as it is: {name}", file=sys.stderr)

    def _watched(self, into: Path) -> int:
        seen, found = set[tuple[str, int]](), dict[str, tuple[float, list[tuple[str, int]]]]()
        for file in self.files:
            path = self.place / PACKAGE / file
            source = _marked(path.read_text("utf-8"), file)
            graft(_module(path, self.place / "server"), source, {HIT: seen.add})
        items = list(self.items.values())
        for item, following in zip(items, [*items[1:], None], strict=True):
            seen.clear()
            began = time.process_time()
            if self._passes(item, following) == 0:
                found[item.nodeid] = (time.process_time() - began, sorted(seen))
        into.write_text(json.dumps(found))
        return 0

    def _met(self, one: Grown) -> str:
        past = self.past[one.file]
        names = past.get(one.met, set[str]()) if one.met else self.took.keys()
        items = [self.items[name] for name in sorted(names, key=lambda n: self.took[n])]
        path = self.place / PACKAGE / one.file
        before = path.read_text("utf-8")
        path.write_text(one.source, "utf-8")  # for the processes that tests start
        code = _forked(lambda: self._grafted(one, items)) if items else 0
        path.write_text(before, "utf-8")
        return {0: "survived", 2: "hung"}.get(code, "killed")

    def _grafted(self, one: Grown, items: list[pytest.Item]) -> int:
        graft(_module(self.place / PACKAGE / one.file, self.place / "server"), one.source)
        return self._run(items)

    def _run(self, items: list[pytest.Item]) -> int:
        """0 where all pass, 1 at the first that does not, 2 where that hangs."""
        for item, following in zip(items, [*items[1:], None], strict=True):
            # What ends a test may hang as well, where its own time limit does not reach.
            watch = threading.Timer(2 * SECONDS, os._exit, (2,))
            watch.start()
            code = self._passes(item, following)
            watch.cancel()
            if code:
                return code
        return 0

    def _passes(self, item: pytest.Item, following: pytest.Item | None) -> int:
        for report in runtestprotocol(item, log=False, nextitem=following):
            if report.failed:
                return 2 if "Timeout (>" in str(report.longrepr) else 1
        return 0


def _forked(work: Callable[[], int]) -> int:
    """What `work` gives in a fork of this process."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            sys.dont_write_bytecode = True
            code = work()
        except BaseException as error:
            print(repr(error)[:300], file=sys.stderr)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def graft(name: str, source: str, more: Mapping[str, object] | None = None) -> None:
    """Let what is loaded of the module `name` do what `source` says: functions get another body,
    and what is no function nor class stands for its predecessor wherever that was imported. `more`
    is among its names."""
    old = import_module(name)
    new = ModuleType(name)
    new.__file__, new.__package__ = old.__file__, old.__package__
    vars(old).update(more or {})
    vars(new).update(more or {})
    sys.modules[name] = new
    try:
        exec(compile(source, str(old.__file__), "exec"), vars(new))
    finally:
        sys.modules[name] = old
    for word, value in vars(new).items():
        before = vars(old).get(word)
        if getattr(value, "__module__", name) != name or word.startswith("__"):
            continue
        if isinstance(value, type) and hasattr(value, "model_fields"):
            setattr(old, word, value)  # what a model checks is settled when it is made
        elif isinstance(value, type) and isinstance(before, type):
            _bodies(before, value)
        elif not _body(before, value) and repr(before) != repr(value):
            for module in list(sys.modules.values()):
                for known, held in list(vars(module).items()):
                    if held is not before or not (known == word or isinstance(held, tuple)):
                        continue
                    if module is old or known != word or not _assigns(module, word):
                        setattr(module, known, value)


def _assigns(module: ModuleType, word: str) -> bool:
    """Whether a module has what it calls `word` of itself, and not from elsewhere."""
    with suppress(OSError, TypeError):
        tree = ast.parse(inspect.getsource(module))
        names = (one for one in ast.walk(tree) if isinstance(one, ast.Name))
        return any(one.id == word and isinstance(one.ctx, ast.Store) for one in names)
    return False


def _bodies(old: type, new: type) -> None:
    for word, value in vars(new).items():
        before = vars(old).get(word)
        plain = isinstance(value, int | float | str | tuple) and not word.startswith("__")
        if not _body(before, value) and plain and before != value:
            with suppress(AttributeError, TypeError):
                setattr(old, word, value)


def _body(old: Any, new: Any) -> bool:
    """Whether they are of a kind that has one, which `old` has then of `new`."""
    match old, new:
        case FunctionType(), FunctionType():
            if old.__code__.co_freevars == new.__code__.co_freevars:
                old.__code__ = new.__code__
            old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
            if hasattr(old, "__wrapped__"):
                _body(vars(old)["__wrapped__"], vars(new)["__wrapped__"])
            return True
        case (classmethod(), classmethod()) | (staticmethod(), staticmethod()):
            return _body(old.__func__, new.__func__)  # pyright: ignore
        case property(), property():
            return _body(old.fget, new.fget)
        case _:
            return False


def _module(path: Path, server: Path) -> str:
    parts = path.relative_to(server).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


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
    with tempfile.TemporaryDirectory(prefix="grown-") as home:
        place = Path(home).resolve()
        _copied(place)
        sys.path[:0] = [str(place), str(place / "server")]
        os.chdir(place)
        every = list(dict.fromkeys(test for file in files for test in TESTS[file]))
        session = Session(place, asked, files)
        words = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", f"timeout={SECONDS}"]
        if code := pytest.main([*words, *every], plugins=[session]):
            return int(code)
        os.chdir(ROOT)
    counts = session.counts
    seen = counts["killed"] + counts["hung"]
    rate = seen / max(1, counts.total())
    hanging = f", {counts['hung']} of them by hanging" if counts["hung"] else ""
    print(f"{seen} of {counts.total()} killed ({rate:.0%}){hanging}")
    return 0 if rate >= 0.9 else 1


if __name__ == "__main__":
    words = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    print(subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip())
    sys.exit(main())
