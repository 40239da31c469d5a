from __future__ import annotations

import gc
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from .connections import Connections
from .harness import FIRST_HOME, Clock, Harness, desk_over, sandbox_with
from .watch import Watch

# Our command is found by its name, as after an installation, whatever PATH the tests run with.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-snapshots", action="store_true", help="write tests/snapshots anew and pass"
    )
    parser.addoption(
        "--chaos", choices=["short", "full"], default="short", help="how long chaos lasts"
    )
    parser.addoption(
        "--attacks", choices=["short", "full"], default="short", help="how much is tried"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "plants_canaries: shows secrets, so that they are found")
    config.pluginmanager.register(Watch(), "watch")
    config.pluginmanager.register(Connections(), "connections")


def pytest_make_parametrize_id(val: object) -> str | None:
    """An operation is named by its id: the same in every process that collects the tests."""
    return val.id if isinstance(val, Operation) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.path.parent.name == "journeys":
        item.add_marker("journey")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """All that is collected stays to the end: no use in looking for garbage in it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers know a test by its node id: of two with the same one, only one would run."""
    # Files with slow tests begin, so that no process waits for the other's last long one.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"Several tests have one name: {', '.join(twice)}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test, and nothing of the owner's environment."""
    for name in [name for name in os.environ if name.startswith("AIRCALL_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "aircall-mcp"
    monkeypatch.setenv("AIRCALL_MCP_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the long forms of the chaos tests are wanted: `--chaos=full`."""
    return request.config.getoption("--chaos") == "full"


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.of(spec.load())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return sandbox_with(clock=clock, requests_per_minute=None)


@pytest.fixture
async def harness(registry: Registry, sandbox: Sandbox) -> AsyncIterator[Harness]:
    """The desk over the sandbox, all operations on offer."""
    desk = desk_over(sandbox, registry)
    yield Harness(desk, sandbox)
    await desk.aclose()


@pytest.fixture
def old(home: Path) -> Path:
    """A home as the first release left it. Git keeps no modes, so they are set here."""
    shutil.copytree(FIRST_HOME, home)
    home.chmod(0o700)
    for file in home.iterdir():
        file.chmod(0o600)
    return home
