"""Write the pictures of docs/approvals.md anew: `python -m tests.pictures`.

The page and the terminal are the real ones, in a real Chromium and on a real terminal; of a form
and of an address it is what a client is given to show, since each draws its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from html import escape
from pathlib import Path

from aircall_mcp.protocol.elicitation import briefly

from .chromium import Browser, Tab, browsing, chromium
from .harness import THURSDAY, Clock
from .paged import Paged, paged
from .terminal import on_terminal

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PREVIEW = """Send a text (aircall_send_message)
  number_id: 88014
  to: "+33612345678"
  body: "Your visit is on Thursday at three."
To +33612345678: FR, where it is 11:00 now.
Its text: 35 characters, 1 segment as SMS.
Account: acme
It reaches a person or costs money, and cannot be taken back.
Why you are asked: A person has to say yes first, since it reaches somebody unknown (strangers)."""
LOOKS = (
    "body{font:14px/1.45 ui-monospace,monospace;margin:0;padding:16px;background:#fff;color:#111}"
    "pre{margin:0;white-space:pre-wrap}"
)
TERMINAL = "body{background:#16181d;color:#e6e6e6}"


async def main() -> None:
    program = chromium()
    if program is None:
        raise SystemExit("No Chromium here: `make chromium` installs it.")
    PICTURES.mkdir(exist_ok=True)
    # Our command by its name, as after an installation.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "home")
        os.environ["AIRCALL_MCP_HOME"] = str(home)
        async with (
            browsing(program, Path(scratch, "profile")) as browser,
            paged(home, Clock(THURSDAY)) as page,
        ):
            await of_the_page(page, browser)
            await of_words(browser, "form", _form())
            await of_words(browser, "address", _address())
        await at_a_terminal(program, Path(scratch))


async def of_the_page(page: Paged, browser: Browser) -> None:
    one = await page.ask(PREVIEW)
    tab = await browser.tab()
    await tab.as_wide_as(640, 430)
    await tab.open(f"{await page.origin()}/approvals/{one.id}")
    await shot(tab, "page-code")
    await tab.click("#code")
    await tab.write(await page.code())
    await tab.goes_on(lambda: tab.press("Enter", 13, "\r"))
    await shot(tab, "page")
    await tab.as_wide_as(360, 640, dark=True)
    await shot(tab, "page-phone")


async def at_a_terminal(program: str, scratch: Path) -> None:
    """On the clock of the machine, as the command has it."""
    import time

    home = scratch / "terminal"
    os.environ["AIRCALL_MCP_HOME"] = str(home)
    page = Paged(home, Clock(time.time()))
    await page.ask(PREVIEW)
    page.safety.close()
    shown = await asyncio.to_thread(
        on_terminal, "approve", typed=[("Do it?", "y")], columns=84, variables={"NO_COLOR": "1"}
    )
    assert shown.code == 0
    async with browsing(program, scratch / "second") as browser:
        await of_words(browser, "terminal", f"$ aircall-mcp approve\n{shown.text}", TERMINAL)


def _form() -> str:
    box = "[ ] Do it\n    Whether exactly this is done now, once."
    return f"{PREVIEW}\n\n{box}\n\n(Accept)  (Decline)"


def _address() -> str:
    page = "http://127.0.0.1:52817/approvals/4f1c2a9b7e"
    return f"{briefly(PREVIEW)}\n\n{page}\n\n(Open)  (Decline)"


async def of_words(browser: Browser, name: str, words: str, more: str = "") -> None:
    tab = await browser.tab()
    await tab.as_wide_as(740, 200)
    page = f"<!doctype html><style>{LOOKS}{more}</style><pre>{escape(words.strip())}</pre>"
    await tab.look(f"document.write({page!r}), document.close()")
    await shot(tab, name)


async def shot(tab: Tab, name: str) -> None:
    (PICTURES / f"{name}.png").write_bytes(await tab.screenshot())


if __name__ == "__main__":
    asyncio.run(main())
