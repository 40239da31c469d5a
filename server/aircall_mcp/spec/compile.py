"""From `tool_specs/` to the JSON inside the package: `python -m aircall_mcp.spec.compile`.

A development step. Every `$ref` is resolved, request schemas are flattened into the dialect that
all MCP clients accept, our words are laid over Aircall's, and whatever does not fit together stops
the build with the file, the operation and the key. With `--check` nothing is written: exit 1 says
that the committed files are stale.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ArgumentError, SpecError
from .checks import (
    check_events,
    check_read_backs,
    check_references,
    check_stand_ins,
    check_wishes,
    performers_at_worst,
    same_ids,
)
from .prompts import prompt_row
from .references import Json, operations_of
from .results import results_in
from .rows import own_row, row


def compile_sources(root: Path) -> tuple[Json, Json]:
    """The registry and the document built from `root`, ready to be written as JSON."""
    import yaml

    try:
        text = (root / "aircall.openapi.yaml").read_text("utf-8")
        # The same loader in C, where there is one: ten times as fast.
        document: Json = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise SpecError(f"aircall.openapi.yaml: {error}.") from None
    shared: Json = _toml(root / "parameters.toml")["parameters"]
    aliases: Json = _toml(root / "aliases.toml").get("aliases", {})
    overlays: dict[str, tuple[str, Json]] = {}
    excluded: Json = {}
    results = results_in(root / "results")
    toolsets: list[Json] = []
    own: list[Json] = []
    for file in sorted((root / "toolsets").glob("*.toml")):
        content = _toml(file)
        if file.stem == "excluded":
            excluded = content["excluded"]
            continue
        if content.get("name") != file.stem:
            raise SpecError(f"{file.name}: name must be {file.stem!r}.")
        with _at(file.name):
            toolsets.append({key: content[key] for key in ("name", "title", "description")})
        for name, tool in content.get("tools", {}).items():
            with _at(f"{file.name}: {name}"):
                own.append(own_row(file.stem, name, tool, _result_of(name, results)))
        for operation_id, overlay in content.get("operations", {}).items():
            if operation_id in overlays:
                raise SpecError(f"{file.name}: {operation_id} stands in two toolsets.")
            overlays[operation_id] = (file.stem, overlay)
    if results:
        raise SpecError(f"results/: there is no tool of ours called {', '.join(results)}.")
    prompts = [
        prompt_row(name, one) for name, one in _toml(root / "prompts.toml")["prompts"].items()
    ]
    described = dict(operations_of(document))
    same_ids(set(described), set(overlays), set(excluded))
    rows: list[Json] = []
    for operation_id, (toolset, overlay) in overlays.items():
        with _at(f"toolsets/{toolset}.toml: {operation_id}"):
            rows.append(row(document, described[operation_id], toolset, overlay, shared))
    performers_at_worst([*own, *rows])
    check_references(rows, described, aliases)
    check_stand_ins(own, described)
    check_read_backs(rows)
    check_events(rows)
    check_wishes(rows)
    registry: Json = {
        "toolsets": toolsets,
        "aliases": aliases,
        "operations": [*own, *rows],
        "prompts": prompts,
    }
    return registry, document


def _result_of(name: str, results: Json) -> Json:
    if name not in results:
        raise SpecError(f"results/{name}.json, what it answers, is missing.")
    return results.pop(name)


@contextmanager
def _at(where: str) -> Generator[None]:
    """What goes wrong inside, told with its place."""
    try:
        yield
    except KeyError as error:
        raise SpecError(f"{where}: {error} is missing.") from None
    except SpecError as error:
        told = error.message if where in error.message else f"{where}: {error.message}"
        raise SpecError(told) from None
    except ArgumentError as error:
        raise SpecError(f"{where}: the example does not fit: {error.message}") from None


def _toml(file: Path) -> Json:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{file.name}: {error}.") from None


def main(argv: list[str] | None = None) -> int:
    """Compile, or with `--check` compare. 0 = fine, 1 = stale or wrong."""
    package = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=package.parent.parent / "tool_specs")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(argv)
    try:
        registry, document = compile_sources(options.sources)
    except SpecError as error:
        print(f"specs: {error.message}", file=sys.stderr)
        return 1
    stale = False
    for name, content in (("registry.json", registry), ("openapi.json", document)):
        file = package / "_compiled" / name
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
        if file.exists() and file.read_text("utf-8") == text:
            continue
        stale = True
        if not options.check:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
            print(f"specs: wrote {file.name}, {len(text) // 1024} KB")
    if stale and options.check:
        print("specs: the compiled files are stale; run `make specs`.", file=sys.stderr)
        return 1
    if not stale:
        print(f"specs: {len(registry['operations'])} operations, nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
