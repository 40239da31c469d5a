"""What holds state across calls: found in the source, and in what a process holds."""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import aircall_mcp

PACKAGE = Path(aircall_mcp.__file__).parent
ELSEWHERE = ("sandbox/", "cli/", "drift/", "search/training/", "spec/compile.py")
"""The other side, what ends with its command, and what is made when nobody is served."""
_FRESH = {
    "dict", "list", "set", "deque", "Counter", "defaultdict", "OrderedDict", "WeakKeyDictionary",
    "WeakValueDictionary", "Queue", "Memory", "bytearray",
}  # fmt: skip


_MADE = re.compile(rf"default_factory=(?:\w+\.)*(?:{'|'.join(_FRESH)})\b")


@cache
def in_source() -> dict[str, str]:
    """`module.Class.attribute` of all that can be different after a call, with how it is declared:
    containers that are made empty, what a method sets anew, what is remembered once."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(ELSEWHERE):
            continue
        module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        tree = ast.parse(path.read_text())
        for node in tree.body:
            found |= dict(_of_module(module, node))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found |= dict(_of_class(module, node))
    return found


def _of_module(module: str, node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and _is_fresh(node.value):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        yield f"{module}.{ast.unparse(target)}", ast.unparse(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for written in (ast.unparse(one) for one in node.decorator_list):
            if "cache" in written:
                yield f"{module}.{node.name}", written
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global):
                for name in inner.names:
                    yield f"{module}.{name}", "global"


def _of_class(module: str, node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for part in node.body:
        frozen = any("frozen" in ast.unparse(one) for one in node.decorator_list)
        written = ast.unparse(part)
        if isinstance(part, ast.AnnAssign) and _MADE.search(written) and not frozen:
            yield f"{module}.{node.name}.{ast.unparse(part.target)}", written
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if any("cached_property" in ast.unparse(one) for one in part.decorator_list):
            yield f"{module}.{node.name}.{part.name}", "cached_property"
        for one in ast.walk(part):
            yield from _set(f"{module}.{node.name}", part.name, one)


def _set(owner: str, method: str, node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Assign):
        targets = [
            one
            for each in node.targets
            for one in (each.elts if isinstance(each, ast.Tuple) else [each])
        ]
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value:
        targets = [node.target]
    else:
        return
    for target in targets:
        own = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
        if own and (method != "__init__" or _is_fresh(cast("Any", node).value)):
            yield f"{owner}.{cast('ast.Attribute', target).attr}", ast.unparse(node)


def _is_fresh(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict | ast.List | ast.Set):
        return not (value.keys if isinstance(value, ast.Dict) else value.elts)
    if isinstance(value, ast.BoolOp):
        return any(map(_is_fresh, value.values))
    if not isinstance(value, ast.Call):
        return False
    called = value.func.value if isinstance(value.func, ast.Subscript) else value.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in _FRESH and not value.args


def in_process(root: object) -> dict[str, list[Any]]:
    """The same of what `root` leads to: every container of an object of ours that holds something
    and can grow, with what it holds."""
    found: dict[str, list[Any]] = {}
    seen: set[int] = set()
    walk = deque([root])
    while walk:
        one = walk.popleft()
        if id(one) in seen or isinstance(one, str | bytes | int | float | type | None):
            continue
        seen.add(id(one))
        kind = type(one)
        if kind.__module__.startswith("aircall_mcp."):
            # What is frozen is a value, and whose it is says who holds it.
            frozen = getattr(getattr(kind, "__dataclass_params__", None), "frozen", False)
            for name, value in _attributes(one):
                walk.append(value)
                if isinstance(value, dict | list | set | deque) and value and not frozen:
                    module = kind.__module__.removeprefix("aircall_mcp.")
                    box = cast("Any", value)
                    found.setdefault(f"{module}.{kind.__name__}.{name}", []).append(box)
        elif isinstance(one, Mapping):
            held = cast("Mapping[object, object]", one)
            walk.extend(held.values())
        elif isinstance(one, list | tuple | set | frozenset | deque):
            walk.extend(cast("list[object]", one))
        elif (closure := getattr(one, "__closure__", None)) is not None:
            walk.extend(cell.cell_contents for cell in closure)
        elif (self := getattr(one, "__self__", None)) is not None:
            walk.append(self)
    return found


def _attributes(one: object) -> Iterator[tuple[str, Any]]:
    yield from vars(one).items() if hasattr(one, "__dict__") else ()
    for kind in type(one).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(one, name) and not name.startswith("__"):
                yield name, getattr(one, name)
