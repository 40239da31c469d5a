"""Document and sandbox together: what the one can answer, the other says.

Nothing is asked here: the code of the sandbox is read, from each performer down to every function
that it reaches, for the statuses that stand there.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import aircall_mcp.sandbox
from aircall_mcp.spec import document

HERE = Path(inspect.getfile(aircall_mcp.sandbox)).parent
PRIMITIVE = {"bad": 400, "absent": 404}
TELLING = frozenset({"refused", "turned_away", "Answer"})
"""What is called with a status as its first argument."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text("utf-8")) for path in HERE.glob("*.py")}


@cache
def functions() -> dict[tuple[str, str], Function]:
    """Every function by module and name; methods too, whose names are unlike within a module."""
    return {
        (module, node.name): node
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }


@cache
def imported(module: str) -> dict[str, tuple[str, str]]:
    """Names of a module that come from others of the sandbox: where from, and what there."""
    return {
        alias.asname or alias.name: (node.module or alias.name, alias.name)
        for node in modules()[module].body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def statuses(node: ast.Call, name: str) -> Iterator[int]:
    if name in PRIMITIVE:
        yield PRIMITIVE[name]
    elif name in TELLING:
        first = node.args[0] if node.args else ast.Constant(200)
        assert isinstance(first, ast.Constant), f"line {node.lineno}: a status that is not written"
        assert isinstance(first.value, int)
        yield first.value


def reached(module: str, name: str, seen: set[tuple[str, str]]) -> Iterator[int]:
    """The statuses in a function and in what it calls or hands on, wherever that is."""
    if (module, name) in seen or name in PRIMITIVE or name in TELLING:
        return
    seen.add((module, name))
    for node in ast.walk(functions()[module, name]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from statuses(node, node.func.id)
        match node:
            case ast.Name(id=other):
                where, there = imported(module).get(other, (module, other))
            case ast.Attribute(value=ast.Name(id="self"), attr=other):
                where, there = module, other
            case ast.Attribute(value=ast.Name(id=alias), attr=other) if alias in modules():
                where, there = alias, other
            case _:
                continue
        if (where, there) in functions():
            yield from reached(where, there, seen)


@cache
def performers() -> dict[str, tuple[str, str]]:
    found = {"exchange_oauth_code": ("oauth", "exchange")}
    for (module, name), node in functions().items():
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "performs":
                operation = ast.literal_eval(mark.args[0])
                assert operation not in found
                found[operation] = module, name
    return found


def described() -> Iterator[tuple[str, str, dict[str, Any], list[Any]]]:
    for item in document()["paths"].values():
        for verb in ("get", "post", "put", "delete"):
            if verb in item:
                operation = item[verb]
                parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
                yield operation["operationId"], verb, operation, parameters


OPERATIONS = [pytest.param(*one, id=one[0]) for one in described()]


def test_every_operation_has_its_performer() -> None:
    assert performers().keys() == {name for name, *_ in described()}


def test_the_reader_finds_what_stands_in_helpers_and_in_other_modules() -> None:
    def found(operation: str) -> set[int]:
        return set(reached(*performers()[operation], set()))

    assert found("create_tag") == {201, 400}  # its name is checked by a helper
    assert found("start_outbound_call") == {204, 400, 404, 405}  # two calls down
    assert found("send_message") == {200, 400, 404}  # the line is found in another module
    assert found("exchange_oauth_code") == {200, 400}
    assert 422 in found("add_dialer_campaign_numbers")
    assert found("ping") == {200}


@pytest.mark.parametrize(("name", "verb", "operation", "parameters"), OPERATIONS)
def test_whatever_status_the_sandbox_can_answer_stands_in_the_document(
    name: str, verb: str, operation: dict[str, Any], parameters: list[Any]
) -> None:
    possible = set(reached(*performers()[name], set()))
    if operation.get("security") != []:
        possible |= {401, 403, 429}
    if parameters or verb != "get":
        possible.add(400)
    stated = {int(status) for status in operation["responses"]}
    assert not possible - stated
    good = {status for status in possible if status < 300}
    assert len(good) == 1
    assert good <= stated


def test_an_answer_is_the_documents_first_choice_of_a_success() -> None:
    """Where more than one is described, the sandbox gives the one that is not inferred."""
    for name, _, operation, _ in described():
        [given] = {s for s in reached(*performers()[name], set()) if s < 300}
        assert not operation["responses"][str(given)].get("x-inferred"), name
