"""The facts of the image that would hurt if they changed unnoticed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Step:
    word: str
    rest: str


def steps_of(text: str) -> list[Step]:
    """The instructions of a Dockerfile, continued lines joined and comments dropped."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    parted = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [Step(word.upper(), rest) for word, rest in parted]


STEPS = steps_of((ROOT / "Dockerfile").read_text("utf-8"))


def all_of(word: str) -> list[str]:
    return [step.rest for step in STEPS if step.word == word]


def last_stage() -> list[Step]:
    start = max(n for n, step in enumerate(STEPS) if step.word == "FROM")
    return STEPS[start:]


def test_the_image_is_built_in_two_stages_from_bases_pinned_by_a_tag() -> None:
    bases = [rest.split()[0] for rest in all_of("FROM")]
    assert len(bases) == 2
    for base in bases:
        _, colon, tag = base.partition(":")
        assert colon
        assert re.match(r"\d+\.\d+[\w.-]*\$\{DIGEST\}$", tag), f"{base} moves"


def test_the_server_runs_as_a_user_without_rights() -> None:
    words = [step.word for step in last_stage()]
    assert words.index("USER") < words.index("ENTRYPOINT")
    (user,) = (step.rest for step in last_stage() if step.word == "USER")
    assert user.split(":")[0] not in {"root", "0"}
    assert not set(words[words.index("USER") :]) & {"RUN", "COPY", "ADD"}


def test_no_secret_can_be_baked_in() -> None:
    assert [rest.partition("=")[0] for rest in all_of("ARG")] == ["DIGEST"]
    assert not all_of("ADD")
    for rest in all_of("ENV"):
        assert not re.search(r"TOKEN|SECRET|PASSWORD|API_ID|API_KEY|VAULT_KEY", rest.upper())


def test_only_what_the_wheel_needs_is_copied() -> None:
    sources = {
        source
        for rest in all_of("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert sources == {
        "requirements.lock",
        "requirements-build.lock",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "server",
    }
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == sources


def test_the_dependencies_are_those_of_the_lock_by_hash() -> None:
    installs = [rest for rest in all_of("RUN") if "pip install" in rest]
    assert any("--require-hashes" in rest and "requirements.lock" in rest for rest in installs)
    assert any(
        "--require-hashes" in rest and "requirements-build.lock" in rest for rest in installs
    )
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    assert not any("apt-get" in rest or "gcc" in rest for rest in all_of("RUN"))


def test_it_serves_stdio_unless_told_otherwise() -> None:
    assert json.loads(all_of("ENTRYPOINT")[0]) == ["aircall-mcp"]
    assert json.loads(all_of("CMD")[0]) == ["serve"]
    assert all_of("HEALTHCHECK") == ["NONE"]


def test_image_manifest_and_readme_bear_one_name() -> None:
    name = json.loads((ROOT / "server.json").read_text("utf-8"))["name"]
    assert f'io.modelcontextprotocol.server.name="{name}"' in " ".join(all_of("LABEL"))
    assert f"<!-- mcp-name: {name} -->" in (ROOT / "README.md").read_text("utf-8")
