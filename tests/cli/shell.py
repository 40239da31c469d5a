"""A shell for the tests of the command line, and what a person types into it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

GROUPS = """
import sys, click
from importlib import import_module
from aircall_mcp.errors import AircallMCPError
try:
    group = import_module(f"aircall_mcp.cli.{sys.argv.pop(1)}").group
    sys.exit(group(standalone_mode=False))
except click.Abort:
    sys.exit(130)
except (AircallMCPError, click.ClickException) as error:
    sys.exit(f"{error.message} {getattr(error, 'hint', '')}")
"""
KEY = "sandbox-api-id\nsandbox-api-token\n"
CLIENT = {
    "AIRCALL_CLIENT_ID": "sandbox-client-id",
    "AIRCALL_CLIENT_SECRET": "sandbox-client-secret",
}


class Shell:
    """Runs commands as a person's shell would, without a terminal."""

    def __init__(self, home: Path, aircall: str) -> None:
        self.home = home
        self.environment = {**os.environ, "AIRCALL_MCP_BASE_URL": aircall}

    def __call__(
        self,
        *words: str,
        given: str = "",
        ok: bool = True,
        variables: Mapping[str, str] | None = None,
        terminal: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-W", "always::ResourceWarning", "-c", GROUPS, *words],
            input=given if terminal is None else None,
            stdin=terminal,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**self.environment, **(variables or {})},
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stderr
        assert "Traceback" not in done.stderr
        assert "ResourceWarning" not in done.stderr
        for secret in ("sandbox-api-token", "sandbox-client-secret"):
            assert secret not in done.stdout + done.stderr
        return done
