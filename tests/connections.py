"""Holds every test to it: whoever opens a database closes it.

Python tells of a forgotten connection only from 3.13 on, and then only of one that was collected.
This asks after each test, on every Python, for each connection of this process.
"""

from __future__ import annotations

import sqlite3
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

import pytest

_OURS = Path(__file__).parent.parent
_lent = ExitStack()


class Closes(Protocol):
    def close(self) -> object: ...


C = TypeVar("C", bound=Closes)
P = ParamSpec("P")


def lent(thing: C) -> C:
    """`thing`, for a test that opens it: closed when the test and its fixtures are over."""
    return _lent.enter_context(closing(thing))


def lending(opens: Callable[P, C]) -> Callable[P, C]:
    """The same, for all that `opens` gives."""

    @wraps(opens)
    def opened(*arguments: P.args, **more: P.kwargs) -> C:
        return lent(opens(*arguments, **more))

    return opened


class Connections:
    """A plugin of pytest: a test that leaves a connection open has failed, and is told which."""

    def __init__(self) -> None:
        self._opened: list[_Connection] = []
        self._connect = sqlite3.connect

    def pytest_sessionstart(self) -> None:
        def connect(*arguments: Any, **more: Any) -> sqlite3.Connection:
            connection = self._connect(*arguments, **{"factory": _Connection, **more})
            if isinstance(connection, _Connection):
                connection.way = _way()
                self._opened.append(connection)
            return connection

        sqlite3.connect = connect

    def pytest_sessionfinish(self) -> None:
        sqlite3.connect = self._connect

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None]:
        try:
            return (yield)
        finally:
            _lent.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown":
            left = [connection for connection in self._opened if not connection.closed]
            self._opened.clear()
            if left and report.passed:
                report.outcome = "failed"
                report.longrepr = "Nobody closed what was opened by\n" + "\n".join(
                    connection.way for connection in left
                )
            for connection in left:
                connection.close()
        return report


class _Connection(sqlite3.Connection):
    """One that knows whether it was closed, and the way to where it was opened."""

    closed = False
    way = ""

    def close(self) -> None:
        super().close()
        self.closed = True


def _way() -> str:
    """The steps in our own code, the last one last."""
    frames = traceback.walk_stack(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
    steps = [
        f"{Path(frame.f_code.co_filename).relative_to(_OURS)}:{line} {frame.f_code.co_name}"
        for frame, line in frames
        if Path(frame.f_code.co_filename).is_relative_to(_OURS)
        and "site-packages" not in frame.f_code.co_filename
    ]
    return "  " + " <- ".join(steps[:8])
