"""Aircall's answers as they came: status, headers and body, recorded for whoever listens."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..gateway.request import Answered, Request


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer. `body` is JSON, None where there was none, or none that can be read."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: Any


class Overheard:
    """Handed to a gateway; keeps nothing but while somebody listens."""

    def __init__(self) -> None:
        self._listening: list[list[Heard]] = []

    def __call__(self, request: Request, answered: Answered) -> None:
        for heard in self._listening:
            heard.append(Heard(request.url, answered.status, answered.headers, answered.body))

    @contextmanager
    def listening(self) -> Generator[list[Heard]]:
        """All answers that come while it is entered, in their order."""
        heard: list[Heard] = []
        self._listening.append(heard)
        try:
            yield heard
        finally:
            self._listening.remove(heard)
