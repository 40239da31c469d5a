"""The page opens when an approval is pending, and closes when nobody needs it any more."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from anyio.abc import TaskStatus

from ..errors import AircallMCPError
from ..ground import asgi
from ..ground.clock import Clock
from ..safety.approvals import LASTING
from .notice import on_desktop

if TYPE_CHECKING:
    from ..safety.safety import Safety
    from .site import Notify

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
OPEN_FOR: Final = LASTING + 60.0
"""Seconds after the last question: by then nothing of it waits."""
LOOK: Final = 15.0
"""Seconds between two looks whether it may close."""


class Console:
    """What waits in `safety` as a page on a port of its own. `show` opens an address for a person,
    where that is wanted; `port` is any free one unless told."""

    def __init__(
        self,
        safety: Safety,
        home: Path,
        *,
        clock: Clock | None = None,
        notify: Notify = on_desktop,
        show: Callable[[str], object] | None = None,
        open_for: float = OPEN_FOR,
        look: float = LOOK,
        port: int = 0,
    ) -> None:
        self._safety = safety
        self._home = home
        self._clock = clock or Clock()
        self._notify = notify
        self._show = show
        self._open_for, self._look, self._port = open_for, look, port
        self._kept = False
        self._wanted = anyio.Event()
        self._listening: socket.socket | None = None
        self._origin = ""
        self._until = 0.0
        self._shown: set[str] = set()

    async def address(self, approval: str = "", /, *, led: bool = False) -> str:
        """Where a person finds `approval`, or all that waits: opened now, unless it is. `led`:
        somebody else leads them there. Empty where no page can be had, since nobody is in `keep` or
        nothing can listen."""
        if not self._kept:
            return ""
        if self._listening is None:
            try:
                self._listening = asgi.listen(HOST, self._port)
            except AircallMCPError as error:
                log.warning("there is no page: %s", error.message)
                return ""
            self._origin = f"http://{HOST}:{self._listening.getsockname()[1]}"
            self._wanted.set()
        self._until = self._clock.monotonic() + self._open_for
        url = f"{self._origin}/approvals/{approval}" if approval else f"{self._origin}/"
        if self._show is not None and not led and approval not in self._shown:
            self._shown.add(approval)
            await anyio.to_thread.run_sync(self._show, url, abandon_on_cancel=True)
        return url

    async def keep(self) -> None:
        """Serve the page whenever it is asked for, until cancelled."""
        while True:
            await self.keep_once()

    async def keep_once(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve the page when it is asked for, until nothing that it was asked for waits still."""
        self._kept = True
        task_status.started()
        try:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            listening, origin = self._listening, self._origin
            assert listening is not None  # noqa: S101 - set before the event is
            try:
                await self._open(listening, origin)
            except Exception as bug:
                # Left alone it would end the serving.
                log.critical("the page is closed", exc_info=bug)
            finally:
                listening.close()
                self._closed(listening)
        finally:
            self._kept = False

    async def _open(self, listening: socket.socket, origin: str) -> None:
        log.info("the page is open at %s", origin)
        from .site import Site  # no start waits for what serves it

        site = Site(self._safety, origin, self._home, self._notify, self._clock)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until_over, listening, tasks.cancel_scope)
            await asgi.serve(site.app(), listening, lifespan="off")

    async def _until_over(self, listening: socket.socket, scope: anyio.CancelScope) -> None:
        while self._clock.monotonic() < self._until:
            await self._clock.sleep(self._look)
        self._closed(listening)  # whoever asks from now on gets another one
        scope.cancel()

    def _closed(self, listening: socket.socket) -> None:
        if self._listening is listening:
            self._listening, self._origin = None, ""
            self._shown.clear()
