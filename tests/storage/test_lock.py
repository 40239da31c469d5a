from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.storage.lock import Lock


def test_a_lock_excludes_other_objects_and_other_processes(home: Path) -> None:
    first, second = Lock(home / "a.lock"), Lock(home / "a.lock")
    assert first.take()
    assert not first.take()
    assert not second.take()
    code = (
        "import sys; from pathlib import Path; from aircall_mcp.storage.lock import Lock;"
        "print(Lock(Path(sys.argv[1])).take())"
    )
    ask = [sys.executable, "-c", code, str(home / "a.lock")]
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "False\n"
    first.release()
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "True\n"
    assert second.take()


def test_a_dead_holder_lets_go(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from aircall_mcp.storage.lock import Lock;"
        "print(Lock(Path(sys.argv[1])).take(), flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(home / "a.lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    lock = Lock(home / "a.lock")
    assert not lock.take()
    holder.kill()
    holder.communicate()
    assert lock.take()
    assert lock.path.exists()


def test_waiting_for_a_lock_ends(home: Path) -> None:
    now = [0.0]
    taken, waiting = (
        Lock(
            home / "a.lock",
            clock=Clock(monotonic=lambda: now[0]),
            block=lambda s: now.__setitem__(0, now[0] + s),
        )
        for _ in range(2)
    )
    with (
        taken.held(),
        pytest.raises(StoreError, match=r"held a\.lock for 3 seconds"),
        waiting.held(patience=3),
    ):
        pytest.fail("two holders")
    with waiting.held(patience=3):
        assert not taken.take()
    assert 3 <= now[0] < 3.1


def test_windows_seizes_with_what_it_is_given(home: Path) -> None:
    calls: list[int] = []

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        raise PermissionError(13, "locked by another process")

    assert not Lock(home / "a.lock", modes=Modes(posix=False), seize=refuse).take()
    assert Lock(home / "a.lock", modes=Modes(posix=False), seize=calls.append).take()
    assert len(calls) == 2
