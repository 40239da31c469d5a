"""The wheel as a stranger installs it: all that is needed is inside, nothing of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from aircall_mcp.safety.policy_file import PRESETS

ROOT = Path(__file__).parent.parent.parent
OLDEST, NEWEST = (3, 11), (3, 15)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**kept, **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def newest() -> Path:
    """The newest Python of this machine that the package may run on."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    if root := os.environ.get("PYENV_ROOT"):
        folders += sorted(Path(root).glob("versions/*/bin"))
    folders.append(Path(sys.base_prefix) / "bin")
    folders += sorted(Path(sys.base_prefix).parent.glob("*/bin"))
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for folder in folders:
            program = folder / f"python3.{minor}"
            if program.exists() and usable(program):
                return program
    return Path(sys.executable)


def usable(program: Path) -> bool:
    """Whether it is what its name says (not a shim without a version behind it) and has venv."""
    done = subprocess.run(
        [program, "-c", "import sys, venv, ensurepip; print(sys.version_info[1])"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode == 0 and program.name == f"python3.{done.stdout.strip()}"


def test_the_wheel_carries_the_package_its_compiled_description_and_nothing_else(
    wheel: Path,
) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name.split("/")[0].split("-")[0] for name in names}
    assert inside == {"aircall_mcp"}  # the package, and aircall_mcp-VERSION.dist-info
    assert {"aircall_mcp/_compiled/registry.json", "aircall_mcp/_compiled/openapi.json",
            "aircall_mcp/py.typed", "aircall_mcp/__main__.py"} <= set(names)  # fmt: skip
    modules = {
        path.relative_to(ROOT / "server").as_posix()
        for path in (ROOT / "server" / "aircall_mcp").rglob("*.py")
    }
    assert modules <= set(names)
    presets = {f"aircall_mcp/safety/presets/{name}.toml" for name in ("default", *PRESETS)}
    assert presets <= set(names)
    others = set(names) - presets  # a person reads those
    assert not [n for n in others if n.endswith((".yaml", ".toml", ".pyc")) or "test" in n]
    assert not [name for name in names if "__pycache__" in name]


def test_the_wheel_names_its_command_its_licence_and_its_python(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    prefix = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    metadata = archive.read(f"{prefix}/METADATA").decode()
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: MIT" in metadata
    entry = archive.read(f"{prefix}/entry_points.txt").decode()
    assert "aircall-mcp = aircall_mcp.__main__:main" in entry


def program_of(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin") / "aircall-mcp"


def made(python: Path, folder: Path, *what: str | Path) -> Path:
    """A new environment of `python` with `what` installed; gives the command."""
    environment = folder / "environment"
    run(python, "-m", "venv", "--without-pip", environment, cwd=folder)
    inside = program_of(environment).with_name("python")
    if uv := shutil.which("uv"):
        run(uv, "pip", "install", "-q", "--python", inside, *what, cwd=folder)
    else:
        pip = (sys.executable, "-m", "pip", "--python", inside, "--disable-pip-version-check")
        run(*pip, "install", "-q", "--no-compile", *what, cwd=folder)
    return program_of(environment)


def test_the_installed_wheel_lists_its_tools_and_plays_the_demo_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    command = made(newest(), tmp_path, wheel)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    tools = json.loads(run(command, "tools", "--json", cwd=elsewhere))["tools"]
    assert len(tools) > 80
    told = run(command, "demo", cwd=elsewhere)
    assert "aircall_place_call" in told
    assert "Done." in told
    assert str(ROOT) not in told


def test_what_the_oldest_python_has_locked_is_what_the_wheel_asks_for(wheel: Path) -> None:
    (metadata,) = (
        zipfile.ZipFile(wheel).read(name).decode()
        for name in zipfile.ZipFile(wheel).namelist()
        if name.endswith(".dist-info/METADATA")
    )
    asked = [
        one
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist: ")
        if not (one := Requirement(line.partition(": ")[2])).marker
        or one.marker.evaluate({"extra": ""})
    ]
    assert len(asked) > 5
    assert not [str(one) for one in asked if not one.specifier.contains(version(one.name))]


def test_an_editable_install_works(tmp_path: Path) -> None:
    """The package alone: its libraries are those of the interpreter that runs the tests."""
    command = made(Path(sys.executable), tmp_path, "--no-deps", "-e", ROOT)
    here = run(sys.executable, "-c", "import mcp; print(mcp.__path__[0])", cwd=tmp_path).strip()
    libraries = str(Path(here).parent)
    tools = run(command, "tools", "--json", cwd=tmp_path, PYTHONPATH=libraries)
    assert len(json.loads(tools)["tools"]) > 80
