"""What the package is built from is known by its hash, down to what builds it."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .. import audit, pin
from ..served import served
from ..test_dockerfile import all_of

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def locked(lock: str) -> dict[str, set[str]]:
    """Each `name==version` of a lock with its hashes."""
    text = (ROOT / lock).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
    found: dict[str, set[str]] = {}
    for line in lines:
        match = re.match(r"([\w.-]+==[\w.!+-]+)(?: ; [^-]+?)? +--hash", line)
        assert match, f"{lock}: {line[:80]}"
        found[match[1]] = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_one_version_with_its_hashes(lock: str) -> None:
    assert set(audit.LOCKS) == set(LOCKS)
    found = locked(lock)
    assert len(found) > 4
    assert all(found.values())


def test_what_builds_the_package_is_locked_and_is_what_the_tests_build_it_with() -> None:
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]
    build, dev = locked("requirements-build.lock"), locked("requirements-dev.lock")
    assert [name for name in build if name.startswith("hatchling==")]
    assert {name: dev.get(name) for name in build} == build


def installs(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return re.findall(r"(?:\$\(PIP\)|pip (?:install|wheel)) (?:-q )?(-[^\n&]+)", joined)


def test_nothing_is_installed_or_built_that_has_no_hash() -> None:
    """What is built here takes what is already there, and looks nowhere else."""
    dockerfile = "\n".join(all_of("RUN"))
    for text, number in ((MAKEFILE, 16), (dockerfile, 4)):
        found = [line for line in installs(text) if "disable-pip" not in line]
        assert len(found) == number, found
        for line in found:
            built = "--no-deps" in line and ("--no-build-isolation" in line or "--no-index" in line)
            assert "--require-hashes" in line or built, line


def test_what_is_not_isolated_needs_nothing_more_to_be_installed_for_development() -> None:
    """Hatchling would want a package of its own for that, but for this."""
    assert PROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"] == ["server"]


# The digest of the base image.


class Registry:
    """As a registry of images is: a token from elsewhere first, then the index. Counts."""

    def __init__(self, index: bytes, *, status: int = 200, challenge: str = "Bearer") -> None:
        self.index, self.status, self.challenge = index, status, challenge
        self.url = ""
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["path"], headers.get("authorization", "")))
        status, more, body = self.status, [], self.index
        if scope["path"] == "/token":
            status, body = 200, b'{"token": "for-anybody"}'
        elif headers.get("authorization") != "Bearer for-anybody":
            realm = f'realm="{self.url}/token",service="r",scope="s"'
            status, more = 401, [(b"www-authenticate", f"{self.challenge} {realm}".encode())]
        await send({"type": "http.response.start", "status": status, "headers": more})
        await send({"type": "http.response.body", "body": body})


INDEX = json.dumps({"manifests": [{"digest": "sha256:x"}]}).encode()


def test_the_base_is_pinned_by_what_its_registry_gives(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text((ROOT / "Dockerfile").read_text("utf-8"), "utf-8")
    registry = Registry(INDEX)
    with served(registry) as registry.url:
        assert pin.main(file, registry.url) == 0
        assert pin.main(file, registry.url) == 0  # again: the same
    digest = hashlib.sha256(INDEX).hexdigest()
    assert f'ARG DIGEST="@sha256:{digest}"\n' in file.read_text("utf-8")
    path = "/v2/library/python/manifests/3.13-slim"
    assert registry.asked == 2 * [(path, ""), ("/token", ""), (path, "Bearer for-anybody")]


@pytest.mark.parametrize(
    "registry",
    [
        Registry(b"{}"), Registry(b"[]"), Registry(b'{"manifests": []}'), Registry(b"<html>"),
        Registry(INDEX, status=404), Registry(INDEX, status=503),
    ],
    ids=["no index", "a list", "an empty index", "a page", "404", "503"],
)  # fmt: skip
def test_without_an_index_nothing_is_written(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Dockerfile"
    before = (ROOT / "Dockerfile").read_text("utf-8")
    file.write_text(before, "utf-8")
    with served(registry) as registry.url:
        assert pin.main(file, registry.url) == 1
    assert pin.main(file, registry.url) == 1  # by now nobody is there
    assert file.read_text("utf-8") == before
    assert capsys.readouterr().err.count("Not pinned: ") == 2


def test_the_image_takes_the_digest_in_every_stage() -> None:
    assert len(pin.BASE.findall((ROOT / "Dockerfile").read_text("utf-8"))) == 2
    (argument,) = all_of("ARG")
    assert re.fullmatch(r'DIGEST="(@sha256:[0-9a-f]{64})?"', argument)


# What is known of the dependencies.


def of(name: str, *vulnerabilities: str) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": [{"id": one} for one in vulnerabilities]}


SKIPPED: dict[str, Any] = {
    "name": "b",
    "skip_reason": "Dependency not found on PyPI and could not be audited: b",
}


ANSWERS: list[tuple[dict[str, tuple[list[Any], str]], int, str]] = [
    ({"pypi": ([of("a"), of("b")], "")}, 0, "2 looked up at pypi, 0 vulnerable"),
    ({"pypi": ([of("a", "CVE-1"), SKIPPED], "")}, 1, "a 1: CVE-1"),
    ({"pypi": ([of("a"), SKIPPED], "")}, 2, "not looked up: b"),
    ({"pypi": ([SKIPPED], ""), "osv": ([of("b")], "")}, 0, "1 looked up at osv"),
    ({"pypi": ([SKIPPED], ""), "osv": ([], "no such host")}, 2, "osv: no such host"),
    ({"pypi": ([], "x"), "osv": ([], "y")}, 2, "not audited, no database of advisories"),
]


@pytest.mark.parametrize(("answers", "code", "said"), ANSWERS)
def test_a_database_that_says_nothing_is_not_taken_for_a_clean_bill(
    answers: dict[str, tuple[list[Any], str]],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert audit.main(["x.lock"], lambda _lock, service: answers[service]) == code
    assert said in capsys.readouterr().out
