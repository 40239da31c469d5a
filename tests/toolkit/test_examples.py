"""What stands in examples/ and docs/ of the toolkit: the rest is run by `make frameworks`."""

from __future__ import annotations

import os
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


def test_the_page_has_the_programs_as_they_stand() -> None:
    command = [sys.executable, str(ROOT / "tests" / "frameworks" / "run.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
