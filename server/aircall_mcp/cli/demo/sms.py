"""A text sent, its reply received and forwarded: sandbox, receiver and server as real processes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import click

from .teller import Teller
from .wishes import SMS

PERSON = "+14155551234"
TEXT = "Your callback is scheduled for 3pm"
REPLY = "Perfect, talk to you at three."
PATIENCE = 60.0


async def sms(teller: Teller, outside: Outside) -> None:
    """A text sent, its reply forwarded to a Slack-like receiver: two tasks, two tool calls."""
    teller.wish(SMS)
    await teller.call(
        "Replies shall go to #support from now on. The owner has named it; the model never sees its"
        " address.",
        "aircall_forward_events",
        {"kinds": ["message.received"], "to": "#support"},
        show=lambda answer: answer["data"]["forwarding"],
    )
    await teller.call(
        "Send the text. In the sandbox nobody gets it.",
        "aircall_send_text",
        {"from": "num_555", "to": [PERSON], "body": TEXT},
        show=lambda answer: [
            {key: text[key] for key in ("to", "outcome", "status") if key in text}
            for text in answer["data"]["texts"]
        ],
    )
    teller.step(f"Meanwhile, outside: the person at {PERSON} reads it, and replies.")
    await outside.text(REPLY)
    teller.show({"POST": "/webhooks/aircall/\u2026", "by": "the sandbox, as Aircall does"})
    await teller.call(
        "The model may wait for exactly that.",
        "aircall_wait_for_event",
        {"kinds": ["message.received"], "match": {"number": PERSON}, "after": 0},
        show=lambda answer: {
            **{key: answer["data"]["event"][key] for key in ("event", "at")},
            **{key: answer["data"]["event"]["data"][key] for key in ("raw_digits", "body")},
        },
    )
    teller.step("And this is what arrived in #support:")
    arrived = json.loads(await outside.slack.next())
    teller.show("\n".join(one["text"]["text"] for one in arrived["blocks"]).splitlines())


@dataclass
class Slack:
    """Takes what a Slack incoming webhook would take."""

    port: int = 0
    got: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue[bytes])

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.got.get(), PATIENCE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        self.got.put_nowait(await reader.readexactly(int(length or 0)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


class Outside:
    """All that is not the model: the people, the sandbox, the receiver, Slack."""

    def __init__(self, environment: dict[str, str], slack: Slack) -> None:
        self.environment = environment
        self.slack = slack

    async def text(self, body: str) -> None:
        """The person writes to num_555."""
        from ...ground import clients

        base = self.environment["AIRCALL_MCP_BASE_URL"]
        key = (self.environment["AIRCALL_API_ID"], self.environment["AIRCALL_API_TOKEN"])
        async with clients.client(timeout=5) as client:
            listed = (await client.get(f"{base}/v1/numbers", auth=key)).json()["numbers"]
            number = next(one["id"] for one in listed if one["name"] == "num_555")
            asked = {"number_id": number, "from": PERSON, "body": body}
            (await client.post(f"{base}/sandbox/texts", json=asked)).raise_for_status()


@asynccontextmanager
async def outside(home: str) -> AsyncGenerator[Outside]:
    """Everything up and registered, in processes that end with the journey."""
    from ...ground.asgi import listen

    with listen("127.0.0.1", 0) as probe:
        port = int(probe.getsockname()[1])
    slack = Slack()
    server = await asyncio.start_server(slack.serve, "127.0.0.1", 0)
    slack.port = server.sockets[0].getsockname()[1]
    running: list[asyncio.subprocess.Process] = []
    environment = {
        **os.environ,
        "AIRCALL_MCP_HOME": home,
        "AIRCALL_MCP_VAULT_KEY": base64.b64encode(os.urandom(32)).decode(),
        "AIRCALL_MCP_FORWARD_URL": f"http://127.0.0.1:{slack.port}/services/T0/B0/secret",
    }
    try:
        sandbox = await _started(
            environment, "sandbox", "--deliver-to", f"http://127.0.0.1:{port}", heard=True
        )
        running.append(sandbox)
        assert sandbox.stdout is not None  # noqa: S101 - asked for
        line = json.loads(await asyncio.wait_for(sandbox.stdout.readline(), PATIENCE))
        environment |= {
            "AIRCALL_MCP_BASE_URL": line["base_url"],
            "AIRCALL_API_ID": line["api_id"],
            "AIRCALL_API_TOKEN": line["api_token"],
        }
        await _done(
            environment, "webhooks", "register", "--public-url", "https://events.example.com"
        )
        await _done(
            environment, "forward", "add", "--kinds", "group_message.received",
            "--to", "slack:support", "--allow-private",
        )  # fmt: skip
        running.append(await _started(environment, "webhooks", "serve", "--port", str(port)))
        await _answers(port)
        yield Outside(environment, slack)
    finally:
        for process in running:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        server.close()


async def _started(
    environment: dict[str, str], *words: str, heard: bool = False
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aircall_mcp", *words,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if heard else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def _done(environment: dict[str, str], *words: str) -> None:
    process = await _started(environment, *words)
    if await asyncio.wait_for(process.wait(), PATIENCE):
        raise click.ClickException(f"`aircall-mcp {' '.join(words[:2])}` failed.")


async def _answers(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
