"""How long a ping waits beside the worst answers that fit into 5 MB.

    python benchmarks/loop.py [--only WORD]

prints a table and, where all of it was measured, writes `benchmarks/loop.md`. A server process
over stdio, an upstream of hostile bodies in another one, and a client that sends a ping every 10 ms
while a call is answered. A line for each body: how long the call took, how it ended, and the p50,
p99 and the longest time of the pings, in milliseconds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from measure import ended, machine, percentile

LARGEST = 5 * 1024 * 1024
VALUES = 50_000
EVERY = 0.01
ROUNDS = 3
"""Of which the quietest counts: what others do on the machine only ever adds."""
Json = dict[str, Any]


def repeated(item: str, count: int | None = None) -> str:
    """A list of `count` times the item, or as often as fits."""
    count = min(count or LARGEST, (LARGEST - 200) // (len(item.encode()) + 1))
    return "[" + ",".join([item] * count) + "]"


def numbered(form: str, count: int) -> str:
    return ",".join(form % n for n in range(count))


def text(letter: str) -> str:
    return '"' + letter * ((LARGEST - 200) // len(letter.encode())) + '"'


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


MANY = VALUES - 10
BEGUN = "the beginning of 300 known tokens"
FORTY = ",1" * 40

# Each stands as the one field of a phone call; what passes the bound has as many values as may be.
BODIES: dict[str, Callable[[], str]] = {
    "usual": lambda: '{"id":1}',
    "a thousand lists, 1 MB": lambda: (
        "{" + numbered('"a%d":["' + "x" * 900 + '"' + FORTY + "]", 1000) + "}"
    ),
    "lists within lists": lambda: "[" + numbered('{"a%d":[1' + FORTY + "]}", 1000) + "]",
    "empty lists": lambda: repeated("[]", MANY // 2),
    "empty objects": lambda: repeated("{}", MANY // 2),
    "objects of one field": lambda: "[" + numbered('{"k%d":1}', MANY // 2) + "]",
    "small numbers": lambda: repeated("0", MANY),
    "numbers of 17 digits": lambda: repeated("1.2345678901234567", MANY),
    "numbers beyond all": lambda: repeated("1e400", MANY),
    "whole numbers of 4,000 digits": lambda: repeated("9" * 4000),
    "whole numbers of 100 digits": lambda: repeated("9" * 100, MANY),
    "a number of 5 MB": lambda: "1" * (LARGEST - 200),
    "keys of 90 letters": lambda: "{" + numbered('"%090d":1', MANY) + "}",
    "one key of 5 MB": lambda: "{" + text("k") + ":1}",
    "texts of 90 letters": lambda: "[" + numbered('"%090d"', MANY) + "]",
    "texts of quotes": lambda: repeated('"' + '\\"' * 45 + '"', MANY),
    "a text of 5 MB": lambda: text("a"),
    "a text of quotes": lambda: text('\\"'),
    "a text of escapes": lambda: text("\\u00e9"),
    "a text of half characters": lambda: text("\\ud83d"),
    "a text of NUL": lambda: text("\\u0000"),
    "a text of zero width": lambda: text("\u200b"),
    "a text of every other zero width": lambda: text("a\u200b"),
    "a text of smiles": lambda: text("\U0001f600"),
    "invisible texts": lambda: repeated('"' + "\u200bä" * 18 + '"', MANY),
    "nested 5,000 times": lambda: nested(5000),
    "nested 90 times, often": lambda: repeated(nested(90), MANY // 92),
    "refused: 2,600,000 numbers": lambda: repeated("0"),
    "refused: 1,700,000 lists": lambda: repeated("[]"),
    "refused: commas": lambda: "," * (LARGEST - 200),
    BEGUN: lambda: '"' + ("aaaaaaaa" + "é" * 395) * 60 + '"',
    "256 KB of numbers": lambda: repeated("0", 120_000),
    "256 KB of lists": lambda: repeated("[]", 7_000),
}
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EMPTY = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"call":{}}'


def packed_thrice() -> bytes:
    """3 GB of deflate blocks with nothing in them."""
    block, packer = b"\0\0\0\xff\xff" * 2**18, zlib.compressobj(9, zlib.DEFLATED, 31)
    inner = packer.compress(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    inner += b"".join(packer.compress(block) for _ in range(3 * 2**30 // len(block)))
    body = gzip.compress(inner + packer.flush())
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


# What is sent as it stands, by the id of the call.
RAW: dict[int, tuple[str, Callable[[], bytes]]] = {
    911: ("nothing, packed three times", packed_thrice),
    912: (
        "chunks of one byte",
        lambda: CHUNKED + b"1\r\n \r\n" * 150_000 + b"b\r\n" + EMPTY[-11:] + b"\r\n0\r\n\r\n",
    ),
    913: ("30,000 interim answers", lambda: b"HTTP/1.1 103 x\r\n\r\n" * 30_000 + EMPTY),
    914: ("16,000 headers", lambda: EMPTY.replace(b"\r\n", b"\r\n" + b"a:\r\n" * 16_000, 1)),
    915: (
        "24,000 trailers",
        lambda: CHUNKED + b"b\r\n" + EMPTY[-11:] + b"\r\n0\r\n" + b"a:\r\n" * 24_000 + b"\r\n",
    ),
}
TOKEN = "a cursor of 5 MB"
WRITTEN = "asked: a comment of 3.4 MB"
BOMB = "a bomb of 100 MB"
FAULT = "an error of 5 MB"
SECRETS = "webhooks with 5,000 tokens"
LONG_SECRET = "a token of 5 MB"
PAGES = "pages of 5 MB each"
FOUR = "four at once"
LONGEST_LINE = 4 * 1024 * 1024 - 500
# What a model may ask, by tool and arguments.
REQUESTS: dict[str, tuple[str, Callable[[], Json]]] = {
    "asked: a text of 4 MB": ("aircall_search", lambda: {"query": "a" * LONGEST_LINE}),
    "asked: a number of 4 MB": (
        "aircall_search_contacts",
        lambda: {"phone_number": "1 " * (LONGEST_LINE // 2)},
    ),
    "asked: a line over 4 MiB": ("aircall_search_contacts", lambda: {"email": "é" * 1_000_000}),
    "asked: a query of 19,000": ("aircall_search_calls", lambda: {"tags": [1] * 19_000}),
    "asked: 19,000 unknown arguments": (
        "aircall_get_call",
        lambda: {f"argument_{n}": n for n in range(19_000)},
    ),
    "asked: a list of 19,000": ("aircall_search_calls", lambda: {"tags": [{}] * 19_000}),
    "asked: 2,000,000 values in a text": (
        "aircall_search_calls",
        lambda: {"tags": "[" + "0," * 2_000_000 + "0]"},
    ),
    "asked: 1,000,000 values": ("aircall_search_calls", lambda: {"tags": [0] * 1_000_000}),
}
MADE: dict[str, bytes] = {}


def made(name: str) -> bytes:
    if name not in MADE:
        MADE[name] = ('{"call":{"id":1,"a":' + BODIES[name]() + "}}").encode()
    return MADE[name]


@cache
def raw(number: int) -> bytes:
    return RAW[number][1]()


class Upstream(BaseHTTPRequestHandler):
    """An Aircall of hostile answers. Which one, the id of the call says."""

    protocol_version = "HTTP/1.1"
    names: ClassVar[list[str]] = list(BODIES)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(EMPTY)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        status, headers, body = 200, {}, b""
        last = path.rpartition("/")[2]
        if path.startswith("/v1/calls/"):
            number = int(last)
            if number in RAW:
                self.wfile.write(raw(number))
                return
            if number == 901:
                body = gzip.compress(b" " * 100_000_000)
                headers = {"Content-Encoding": "gzip"}
            elif number == 902:
                status = 422
                body = ('{"error":' + repeated("0") + "}").encode()
            else:
                body = made(self.names[number - 1])
        elif "templates" in path:
            body = ('{"templates":[{"id":1}],"pageInfo":{"nextToken":' + text("t") + "}}").encode()
        elif path == "/v1/webhooks":
            long = "page=2" in query
            one = '{"webhook_id":"w","token":%s}'
            tokens = (
                [text("k")] if long else [json.dumps(f"aaaaaaaa{n:0800d}") for n in range(5000)]
            )
            listed = ",".join(one % token for token in tokens)
            body = ('{"webhooks":[' + listed + '],"meta":{}}').encode()
        elif path == "/v1/calls":
            page = int(query.rpartition("&page=")[2].partition("&")[0] or 1)
            item = '{"id":%d,"a":' + repeated("0", 990) + "}"
            items = ",".join(item % (page * 50 + n) for n in range(50))
            body = ('{"calls":[' + items + '],"meta":{"next_page_link":"x","total":9000}}').encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError):  # who has read enough goes away
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has
        """Nobody reads it."""


@dataclass(frozen=True)
class Line:
    """Times in milliseconds."""

    body: str
    call: float
    ended: str
    pings: list[float]

    def row(self) -> str:
        p50, p99 = percentile(self.pings, 0.5), percentile(self.pings, 0.99)
        return (
            f"| {self.body} | {self.call:,.0f} | {self.ended} | {len(self.pings)} | {p50:.1f}"
            f" | {p99:.1f} | {max(self.pings):.1f} |"
        )


class Beside:
    """A server, a call, and pings beside it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "aircall_mcp", "serve"]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lock = threading.Lock()
        self._sent: dict[int, float] = {}
        self._answers: dict[int, tuple[float, Json]] = {}
        self._last = self._call = 0
        self._heard = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        client = {"name": "benchmark", "version": "1"}
        asked = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        self._wait(self._send("initialize", asked))
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def beside(self, name: str, tool: str, arguments: Json, *, many: int = 1) -> Line:
        began = time.perf_counter()
        self._call = self._last + 1
        asked = {"name": tool, "arguments": arguments}
        calls = [self._send("tools/call", asked) for _ in range(many)]
        pings: list[int] = []
        while not all(call in self._answers for call in calls) or len(pings) < 20:
            pings.append(self._send("ping", {}))
            time.sleep(EVERY)
        ends = [self._wait(call) for call in calls]
        took = [self._wait(ping)[0] - self._sent[ping] for ping in pings]
        result = ends[-1][1].get("result", {})
        said = result.get("structuredContent", {})
        how = said.get("error", {}).get("kind", "answered")
        how = "refused" if "error" in ends[-1][1] else how
        how = "cut" if "cut" in str(said.get("notes", "")) else how
        longest = max(at for at, _ in ends) - began
        return Line(name, longest * 1000, how, [one * 1000 for one in took])

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        ended(self._process)

    def _send(self, method: str, params: Json) -> int:
        self._last += 1
        self._sent[self._last] = time.perf_counter()
        self._write({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params})
        return self._last

    def _write(self, message: Json) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            now = time.perf_counter()
            message = json.loads(line)
            if "id" in message:
                with self._heard:
                    # What is not even read has no id: it can only be the call of this moment.
                    self._answers[message["id"] or self._call] = now, message
                    self._heard.notify_all()

    def _wait(self, request: int) -> tuple[float, Json]:
        with self._heard:
            if not self._heard.wait_for(lambda: request in self._answers, timeout=120):
                raise RuntimeError("the server says nothing more")
        return self._answers[request]


HEAD = """\
| body | call | it was | pings | p50 | p99 | longest |
|---|---|---|---|---|---|---|"""
NOTES = """\
Milliseconds. A ping is sent every 10 ms from the moment of the call until it is answered, and 20
times at least; of three rounds the quietest is shown, since others used the machine. `unreachable`,
`refused` and `argument` are errors in words: too many values, no JSON, nested too deeply. The aim
is that no ping waits for over 100 ms.
"""


def lines(server: Beside) -> Iterator[tuple[str, Callable[[], Line]]]:
    call = "aircall_get_call"
    calls = count(1)  # the same comment is not written twice

    def comment() -> Line:
        arguments = {"call_id": next(calls), "content": "a" * 3_400_000}
        return server.beside(WRITTEN, "aircall_add_call_comment", arguments)

    for number, name in enumerate(BODIES, 1):
        if name == BEGUN:
            continue  # means nothing before the tokens are known
        wanted = {"call_id": number, "detail": "full"}
        yield name, partial(server.beside, name, call, wanted)
    for name, (tool, arguments) in REQUESTS.items():
        yield name, partial(server.beside, name, tool, arguments())
    yield BOMB, partial(server.beside, BOMB, call, {"call_id": 901})
    yield FAULT, partial(server.beside, FAULT, call, {"call_id": 902})
    for number, (name, _) in RAW.items():
        yield name, partial(server.beside, name, call, {"call_id": number})
    yield TOKEN, partial(server.beside, TOKEN, "aircall_list_whatsapp_templates", {"number_id": 1})
    yield WRITTEN, comment
    worst = 1 + list(BODIES).index("empty lists")
    yield FOUR, partial(server.beside, FOUR, call, {"call_id": worst, "detail": "full"}, many=4)
    pages = {"max_items": 500, "detail": "full"}
    yield PAGES, partial(server.beside, PAGES, "aircall_list_calls", pages)
    yield SECRETS, partial(server.beside, SECRETS, "aircall_list_webhooks", {})
    yield LONG_SECRET, partial(server.beside, LONG_SECRET, "aircall_list_webhooks", {"page": 2})
    begun = 1 + list(BODIES).index(BEGUN)
    yield BEGUN, partial(server.beside, BEGUN, call, {"call_id": begun, "detail": "full"})
    known = "usual, 300 tokens known"
    yield known, partial(server.beside, known, call, {"call_id": 1, "detail": "full"})


def closed(server: Beside) -> bool:
    """Shut the breaker by an answer that is fine."""
    return server.beside("", "aircall_get_call", {"call_id": 1}).ended == "answered"


def upstream(only: str) -> None:
    """Serve until the process ends; the port is the first line."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    for name in BODIES:
        if only in name:
            made(name)
    for number, (name, _) in RAW.items():
        if only in name:
            raw(number)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a ping waits beside the worst answers.")
    parser.add_argument("--only", default="", help="bodies whose name holds this word")
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.upstream:
        upstream(chosen.only)
        return
    served = subprocess.Popen([sys.executable, __file__, "--upstream"], stdout=subprocess.PIPE)
    assert served.stdout
    with tempfile.TemporaryDirectory() as folder:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRCALL_")}
        server = Beside(
            {
                **kept,
                "AIRCALL_MCP_HOME": str(Path(folder) / "home"),
                "AIRCALL_MCP_BASE_URL": f"http://127.0.0.1:{int(served.stdout.readline())}",
                "AIRCALL_API_ID": "a" * 32,
                "AIRCALL_API_TOKEN": "b" * 32,
                "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
            }
        )
        rows: list[str] = []
        print(HEAD)
        try:
            for name, measured in lines(server):
                if chosen.only in name:
                    rounds = [measured() for _ in range(ROUNDS) if closed(server)]
                    rows.append(min(rounds, key=lambda line: max(line.pings)).row())
                    print(rows[-1], flush=True)
        finally:
            server.close()
            served.terminate()
            ended(served)
    if not chosen.only:
        when = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. `python benchmarks/loop.py`"
        table = "\n".join([HEAD, *rows])
        said = f"# Pings beside the worst answers\n\n{when}\n\n{table}\n\n{NOTES}"
        (Path(__file__).parent / "loop.md").write_text(said, "utf-8")


if __name__ == "__main__":
    main()
