"""A real Chromium without a window, spoken to over two pipes by its DevTools protocol.

`make chromium` puts Debian's on the machine; `CHROMIUM` names another one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from .waiting import PATIENCE, until

AT_THREE_AND_FOUR = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads from the descriptor 3 and writes to 4."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Its path, None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page of it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    async def do(self, method: str, **params: Any) -> Any:
        return await self._browser.do(method, params, self._session)

    async def open(self, url: str) -> None:
        """Go there, as if it was typed, and wait until it is shown or refused."""
        loaded = self._browser.loads
        answer = await self.do("Page.navigate", url=url)
        if "errorText" not in answer:
            await until(lambda: self._browser.loads > loaded, PATIENCE)

    async def look(self, expression: str) -> Any:
        """What `expression` is in the page, said by the debugger: scripts of pages may be off."""
        answer = await self.do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    async def text(self) -> str:
        return str(await self.look("document.body.innerText"))

    async def path(self) -> str:
        return str(await self.look("location.pathname"))

    async def press(self, key: str, code: int, text: str = "") -> None:
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            await self.do(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **(more if kind == "keyDown" else {}),
            )

    async def write(self, text: str) -> None:
        await self.do("Input.insertText", text=text)

    async def goes_on(self, act: Callable[[], Any]) -> None:
        """Do what leads to another page, and wait for that."""
        loaded = self._browser.loads
        await act()
        await until(lambda: self._browser.loads > loaded, PATIENCE)

    async def click(self, selector: str) -> None:
        """Where a person sees it."""
        box = await self.look(
            f"(e => {{const r = e.getBoundingClientRect();"
            f"return [r.x + r.width / 2, r.y + r.height / 2]}})"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.do(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    async def points(self, x: float, y: float) -> None:
        """Move the pointer there."""
        await self.do("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def screenshot(self) -> bytes:
        taken = await self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(taken["data"])

    async def as_wide_as(self, width: int, height: int, *, dark: bool = False) -> None:
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.do("Emulation.setEmulatedMedia", features=[scheme])


class Browser:
    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._came = b""
        self.loads = 0
        """Pages that were shown whole, of all tabs."""
        asyncio.get_running_loop().add_reader(read, self._hear)

    def _hear(self) -> None:
        try:
            piece = os.read(self._read, 65_536)
        except OSError:
            piece = b""
        if not piece:
            asyncio.get_running_loop().remove_reader(self._read)
            for waiting in self._waiting.values():
                waiting.cancel()
            return
        *whole, self._came = (self._came + piece).split(b"\0")
        for message in map(json.loads, whole):
            if message.get("method") == "Page.loadEventFired":
                self.loads += 1
            waiting = self._waiting.pop(message.get("id", 0), None)
            if waiting is not None and not waiting.done():
                if "error" in message:
                    waiting.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    waiting.set_result(message["result"])

    async def do(self, method: str, params: dict[str, Any], session: str = "") -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return await asyncio.wait_for(answer, PATIENCE)

    async def tab(self) -> Tab:
        """A new one, with cookies of its own."""
        apart = await self.do("Target.createBrowserContext", {})
        target = await self.do("Target.createTarget", {"url": "about:blank", **apart})
        attached = await self.do("Target.attachToTarget", {**target, "flatten": True})
        tab = Tab(self, attached["sessionId"])
        await tab.do("Page.enable")
        return tab


@asynccontextmanager
async def browsing(program: str, profile: Path) -> AsyncGenerator[Browser]:
    """Chromium, with nothing of the user's, while this is entered."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    flags = [
        "--headless=new",
        "--remote-debugging-pipe",
        "--no-sandbox",  # which root has not, and which holds a page that we do not write
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--no-proxy-server",
        "--force-color-profile=srgb",
        f"--user-data-dir={profile}",
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        AT_THREE_AND_FOUR,
        str(theirs_in),
        str(theirs_out),
        program,
        *flags,
        pass_fds=(theirs_in, theirs_out),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    browser = Browser(ours_in, ours_out)
    try:
        yield browser
    finally:
        asyncio.get_running_loop().remove_reader(ours_in)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        os.close(ours_in)
        os.close(ours_out)
