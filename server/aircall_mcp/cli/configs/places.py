"""Where the clients of a machine keep their files, on each platform."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Platform = Literal["linux", "macos", "windows"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Whose files they are: the platform, the person's home, and the environment."""

    platform: Platform
    home: Path
    environment: Mapping[str, str]

    def named(self, variable: str, default: Path) -> Path:
        """The directory (or file) that a variable names, else `default`."""
        value = self.environment.get(variable)
        return Path(value).expanduser() if value else default

    @property
    def config(self) -> Path:
        """Where programs keep their settings that follow the platform's convention."""
        if self.platform == "windows":
            return self.named("APPDATA", self.home / "AppData" / "Roaming")
        if self.platform == "macos":
            return self.home / "Library" / "Application Support"
        return self.xdg

    @property
    def xdg(self) -> Path:
        """The same for programs that do on every platform as on Linux."""
        return self.named("XDG_CONFIG_HOME", self.home / ".config")

    def has_command(self, name: str) -> bool:
        """Whether a program of that name is on the path."""
        return shutil.which(name, path=self.environment.get("PATH", "")) is not None


def this_machine() -> Machine:
    platforms: dict[str, Platform] = {"win32": "windows", "darwin": "macos"}
    return Machine(platforms.get(sys.platform, "linux"), Path.home(), os.environ)


def claude_desktop(machine: Machine) -> Path:
    name = "claude_desktop_config.json"
    if machine.platform == "windows":
        # The packaged application sees a directory of its own in place of the usual one.
        packages = machine.named("LOCALAPPDATA", machine.home / "AppData" / "Local") / "Packages"
        for package in sorted(packages.glob("Claude_*")):
            if (roaming := package / "LocalCache" / "Roaming").is_dir():
                return roaming / "Claude" / name
    return machine.config / "Claude" / name


def claude_code(machine: Machine) -> Path:
    return machine.named("CLAUDE_CONFIG_DIR", machine.home) / ".claude.json"


def cursor(machine: Machine) -> Path:
    return machine.home / ".cursor" / "mcp.json"


def vscode(machine: Machine) -> Path:
    return machine.config / "Code" / "User" / "mcp.json"


def windsurf(machine: Machine) -> Path:
    return machine.home / ".codeium" / "windsurf" / "mcp_config.json"


def codex(machine: Machine) -> Path:
    return machine.named("CODEX_HOME", machine.home / ".codex") / "config.toml"


def zed(machine: Machine) -> Path:
    if machine.platform == "windows":
        return machine.config / "Zed" / "settings.json"
    folder = machine.home / ".config" if machine.platform == "macos" else machine.xdg
    return folder / "zed" / "settings.json"


def gemini_cli(machine: Machine) -> Path:
    return machine.named("GEMINI_CLI_HOME", machine.home) / ".gemini" / "settings.json"


def opencode(machine: Machine) -> Path:
    folder = machine.xdg / "opencode"
    known = [folder / name for name in ("opencode.jsonc", "opencode.json", "config.json")]
    return next((file for file in known if file.exists()), folder / "opencode.json")


def cline(machine: Machine) -> Path:
    name = "cline_mcp_settings.json"
    base = machine.named("CLINE_DIR", machine.home / ".cline") / "data"
    file = machine.named("CLINE_MCP_SETTINGS_PATH", base / "settings" / name)
    extension = machine.config / "Code" / "User" / "globalStorage" / "saoudrizwan.claude-dev"
    older = extension / "settings" / name
    return older if older.exists() and not file.exists() else file


def jetbrains(machine: Machine) -> Path:
    return machine.home / ".junie" / "mcp" / "mcp.json"


def goose(machine: Machine) -> Path:
    if machine.platform == "windows":
        return machine.config / "Block" / "goose" / "config" / "config.yaml"
    return machine.xdg / "goose" / "config.yaml"
