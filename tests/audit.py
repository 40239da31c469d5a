"""Known vulnerabilities of everything that is locked, by pip-audit; and whether anybody was asked.

    make audit

pip-audit calls a dependency "skipped" of which its database says nothing, and ends well where all
are: a database that cannot be reached would look like a clean bill of health. Exit 0 means that
every dependency was looked up and none is known to be vulnerable, 1 that some are, 2 that some or
all could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (
    "requirements.lock", "requirements-build.lock", "requirements-dev.lock",
    "requirements-test.lock", "requirements-audit.lock", "requirements-frameworks.lock",
    "requirements-llamaindex.lock", "requirements-google_adk.lock", "requirements-smolagents.lock",
)  # fmt: skip
SERVICES = ("pypi", "osv")
"""Databases of advisories, the first that answers."""

Ask = Callable[[str, str], "tuple[list[Any], str]"]


def asked(lock: str, service: str) -> tuple[list[Any], str]:
    """What pip-audit says of each dependency of a lock; and why it says nothing, where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "-r", lock, "--require-hashes", "--disable-pip",
         "--progress-spinner", "off", "-f", "json", "-s", service],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except (ValueError, TypeError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]


def audited(lock: str, ask: Ask) -> tuple[int, list[str]]:
    """The exit code for one lock, and what to say."""
    why: list[str] = []
    for service in SERVICES:
        dependencies, fault = ask(lock, service)
        known = [one for one in dependencies if "skip_reason" not in one]
        if not known:
            why.append(f"{service}: {fault or 'it knows none of the dependencies'}")
            continue
        bad = [f"  {one['name']} {one['version']}: {', '.join(hit['id'] for hit in one['vulns'])}"
               for one in known if one["vulns"]]  # fmt: skip
        skipped = [one["name"] for one in dependencies if "skip_reason" in one]
        said = [f"{lock}: {len(known)} looked up at {service}, {len(bad)} vulnerable", *bad]
        if skipped:
            said.append(f"  not looked up: {', '.join(skipped)}")
        return (1 if bad else 2 if skipped else 0), said
    return 2, [f"{lock}: not audited, no database of advisories answers.",
               *(f"  {one[:300]}" for one in why)]  # fmt: skip


def main(locks: Iterable[str] = LOCKS, ask: Ask = asked) -> int:
    codes: set[int] = set()
    for lock in locks:
        code, said = audited(lock, ask)
        codes.add(code)
        print("\n".join(said))
    return 1 if 1 in codes else max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main())
