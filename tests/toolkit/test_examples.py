"""What stands in examples/ and docs/ of the toolkit: the rest is run by `make frameworks`."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_nightly_report_counts_calls(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "nightly_report.py")],
        env={**os.environ, "AIRCALL_MCP_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    first, *reasons = done.stdout.splitlines()
    calls, missed = (int(word) for word in first.split() if word.isdecimal())
    assert calls > missed > 0
    assert sum(int(line.split()[0]) for line in reasons) == missed


@pytest.mark.slow
@pytest.mark.parametrize(("example", "told"), [
    ("agent_search_loop", "Sent from "), ("list_missed_calls", " missed: "),
])  # fmt: skip
def test_an_example_that_is_a_client_comes_to_its_end(
    example: str, told: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{example}.py")],
        env={**os.environ, "AIRCALL_MCP_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert told in done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("block", "said", "told"), [
    ("first", "", "'sandbox': True"), ("sync", "", "started_at"),
    ("approve", "yes\n", "'status'"), ("approve", "no\n", "said no"),
])  # fmt: skip
def test_a_program_that_stands_on_the_page_alone_runs(
    block: str, said: str, told: str, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "loops.md").read_text("utf-8")
    program = page.partition(f"<!-- {block} -->\n```python\n")[2].partition("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "AIRCALL_MCP_HOME": str(tmp_path)},
        input=said, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert told in done.stdout


POLICY = '[destinations]\nstrangers = "ask"\nelsewhere = "ask"\nbatches = "ask"\n'


def texted(country: str, home: Path) -> subprocess.CompletedProcess[str]:
    example = str(ROOT / "examples" / "text_missed_callers.py")
    return subprocess.run(
        [sys.executable, example, country, "last 30 days"],
        env={**os.environ, "AIRCALL_MCP_HOME": str(home)},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_missed_callers_are_texted_by_one_script_and_one_plan(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    done = texted("+", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "A plan of" in done.stderr  # `asked` was shown it whole
    *steps, outcomes = done.stdout.splitlines()
    sent = re.findall(
        r"^send_message_in_conversation (\+\d{9,12})$", "\n".join(steps), re.MULTILINE
    )
    assert len(sent) == len(set(sent)) > 0
    assert ast.literal_eval(outcomes) == ["done"] * len(sent)
    nobody = texted("+34", tmp_path)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "Nobody called from +34 and was missed: last 30 days." in nobody.stderr


@pytest.mark.slow
def test_strangers_are_texted_after_a_person_is_seen(tmp_path: Path) -> None:
    seen = texted("+", tmp_path)
    assert seen.returncode == 1
    assert "aircall-mcp approve" in seen.stderr


def test_every_program_on_the_page_is_one_of_these_or_of_the_examples() -> None:
    page = (ROOT / "docs" / "loops.md").read_text("utf-8")
    named = re.findall(r"<!-- (\S+) -->\n```\w+\n", page)
    assert len(named) == len(re.findall(r"^```\w+$", page, re.MULTILINE)), "a block has no name"
    examples = {path.name for path in (ROOT / "examples" / "loops").iterdir()}
    assert set(named) == {*examples, "first", "sync", "approve"}


def test_the_page_has_the_programs_as_they_stand() -> None:
    command = [sys.executable, str(ROOT / "tests" / "frameworks" / "run.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


LOOPS = sorted((ROOT / "examples" / "loops").glob("*.py"))
LINES = {"openai_chat": 9}
"""What the page says of the shortest; nobody else's is longer than twelve."""


@pytest.mark.parametrize("loop", LOOPS, ids=lambda path: path.stem)
def test_a_whole_loop_is_a_few_lines(loop: Path) -> None:
    functions = (
        one for one in ast.parse(loop.read_text("utf-8")).body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    )  # fmt: skip
    main = next(one for one in functions if one.name == "main")
    assert main.end_lineno is not None
    assert main.end_lineno - main.body[0].lineno < LINES.get(loop.stem, 12)
