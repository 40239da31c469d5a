"""A desktop notification for a person, which neither a browser nor a model can see.

The words go over the desktop's own channel, or to another program's stdin: on a command line every
user of the machine could read them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import closing
from importlib import import_module
from typing import Any, Final

import anyio

log = logging.getLogger(__name__)

TITLE: Final = "aircall-mcp"
PATIENCE: Final = 5.0
"""Seconds that a desktop has to show it."""


async def on_desktop(words: str) -> bool:
    """Whether this machine's desktop took `words` to show them; on Windows there is none that has
    such a bus."""
    try:
        with anyio.fail_after(PATIENCE):
            if sys.platform == "darwin":
                return await _by_applescript(words)
            return await anyio.to_thread.run_sync(_by_bus, words, abandon_on_cancel=True)
    except Exception as error:  # each desktop says in its own way that it is not there
        log.info("no notification: %s", type(error).__name__)
        return False


async def _by_applescript(words: str) -> bool:
    script = f"display notification {json.dumps(words)} with title {json.dumps(TITLE)}\n"
    program = await asyncio.create_subprocess_exec(
        "/usr/bin/osascript",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await program.communicate(script.encode())
    return program.returncode == 0


def _by_bus(words: str) -> bool:
    """By org.freedesktop.Notifications, over the library that the keyring brings along."""
    jeepney: Any = import_module("jeepney")
    blocking: Any = import_module("jeepney.io.blocking")
    there = jeepney.DBusAddress(
        "/org/freedesktop/Notifications",
        bus_name="org.freedesktop.Notifications",
        interface="org.freedesktop.Notifications",
    )
    urgent: Any = {"urgency": ("y", 2), "transient": ("b", True)}
    told: tuple[Any, ...] = (TITLE, 0, "", TITLE, words, [], urgent, 60_000)
    call = jeepney.new_method_call(there, "Notify", "susssasa{sv}i", told)
    with closing(blocking.open_dbus_connection()) as bus:
        answer = bus.send_and_get_reply(call, timeout=PATIENCE)
        return bool(jeepney.wrappers.unwrap_msg(answer)[0])
