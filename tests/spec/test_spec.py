from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.errors import SpecError
from aircall_mcp.ground.operation import Operation
from aircall_mcp.spec import compile as compiler
from aircall_mcp.spec import operation_from

SOURCES = Path(__file__).parents[2] / "tool_specs"
COMPILED = Path(spec.__file__).parent.parent / "_compiled"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources that may be spoilt."""
    copy = tmp_path / "tool_specs"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("lint", "node_modules"))
    return copy


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def fault(sources: Path) -> str:
    with pytest.raises(SpecError) as caught:
        compiler.compile_sources(sources)
    return caught.value.message


def test_the_committed_files_are_what_the_sources_say(sources: Path) -> None:
    registry, document = compiler.compile_sources(sources)
    for name, content in (("registry.json", registry), ("openapi.json", document)):
        written = json.loads((COMPILED / name).read_text("utf-8"))
        assert written == json.loads(json.dumps(content)), f"run `make specs`: {name} is stale"


def test_checking_says_whether_the_files_are_stale_and_writes_nothing(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (COMPILED / "registry.json").read_bytes()
    assert compiler.main(["--sources", str(sources), "--check"]) == 0
    edit(sources / "toolsets" / "tags.toml", "Create a tag", "Make a tag")
    assert compiler.main(["--sources", str(sources), "--check"]) == 1
    assert "make specs" in capsys.readouterr().err
    assert (COMPILED / "registry.json").read_bytes() == before


def test_a_broken_source_is_said_without_a_traceback(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "toolsets" / "tags.toml").write_text("= 1", "utf-8")
    assert compiler.main(["--sources", str(sources)]) == 1
    assert "specs: tags.toml:" in capsys.readouterr().err


TAGS = "toolsets/tags.toml"
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a file that is no TOML": (
        lambda s: (s / TAGS).write_text("[", "utf-8"), ("tags.toml",)),
    "a file under a wrong name": (
        lambda s: edit(s / TAGS, 'name = "tags"', 'name = "labels"'), ("tags.toml", "name")),
    "a file without a title": (
        lambda s: edit(s / TAGS, 'title = "Tags"\n', ""), ("tags.toml", "title")),
    "a tool of ours that does not say what it answers": (
        lambda s: (s / "results/search.json").unlink(), ("search.toml: search", "search.json")),
    "a result of no tool": (
        lambda s: (s / "results/serch.json").write_text('{"type": "object"}', "utf-8"),
        ("results/", "serch")),
    "a result that is no object": (
        lambda s: (s / "results/search.json").write_text('{"type": "array"}', "utf-8"),
        ("results/search.json", "object")),
    "a result with an array of anything": (
        lambda s: edit(s / "results/search.json", '"items": {', '"contains": {'),
        ("results/search.json: matches", "items")),
    "an operation that the document does not have": (
        lambda s: edit(s / TAGS, "[operations.get_tag]", "[operations.fetch_tag]"),
        ("not in the document ['fetch_tag']",)),
    "an operation in two toolsets": (
        lambda s: (s / "toolsets/teams.toml").write_text(
            (s / "toolsets/teams.toml").read_text("utf-8")
            + '\n[operations.get_tag]\ntitle = "x"\n', "utf-8"),
        ("get_tag", "two toolsets", "toml")),
    "an operation both offered and excluded": (
        lambda s: edit(
            s / "toolsets/excluded.toml", "get_api_root =", 'get_tag = "no"\nget_api_root ='),
        ("get_tag", "excluded")),
    "an unknown effect": (
        lambda s: edit(s / TAGS, 'effect = "read"', 'effect = "look"'),
        ("tags.toml", "list_tags", "effect")),
    "an unknown repeatability": (
        lambda s: edit(s / TAGS, 'repeatable = "safe"', 'repeatable = "often"'),
        ("tags.toml", "list_tags", "repeatable")),
    "a write that says nothing of its stakes": (
        lambda s: edit(s / TAGS, 'stakes = "none: a label"\nadditive', "additive"),
        ("tags.toml", "create_tag", "stakes")),
    "an unknown word for the stakes": (
        lambda s: edit(s / TAGS, 'stakes = "none: a label"\nadditive',
                       'stakes = "few: a label"\nadditive'),
        ("tags.toml", "create_tag", "few", "administers")),
    "stakes that nobody argues for": (
        lambda s: edit(s / TAGS, 'stakes = "none: a label"\nadditive', 'stakes = "none"\nadditive'),
        ("tags.toml", "create_tag", "why")),
    "stakes of an argument that is not there": (
        lambda s: edit(s / "toolsets/numbers.toml", 'messages = "adm', 'songs = "adm'),
        ("numbers.toml", "update_number", "songs")),
    "a delete that only adds": (
        lambda s: edit(s / TAGS, 'stakes = "none: a label; its effect is gate enough"',
                       'stakes = "none: a label; its effect is gate enough"\nadditive = true'),
        ("tags.toml", "delete_tag", "additive")),
    "an operation without a summary": (
        lambda s: edit(s / TAGS, 'summary = "List all', 'summery = "List all'),
        ("tags.toml", "list_tags", "summary")),
    "an operation without utterances": (
        lambda s: edit(s / TAGS, "utterances = [", "sayings = ["),
        ("tags.toml", "list_tags", "utterances")),
    "words for a parameter that is not there": (
        lambda s: edit(s / TAGS, 'id = "Tag id"', 'number = "Tag id"'),
        ("tags.toml", "get_tag")),
    "a parameter without words": (
        lambda s: edit(s / "parameters.toml", 'order = "By creation"\n', ""), ("toml", "order")),
    "a neighbour that is no operation": (
        lambda s: edit(s / TAGS, 'operation = "get_call"', 'operation = "fetch_call"'),
        ("list_tags", "fetch_call")),
    "a forerunner that is no operation": (
        lambda s: edit(s / TAGS, 'needs_first = ["list_tags"]', 'needs_first = ["all_tags"]'),
        ("get_tag", "all_tags")),
    "events that look like two answers": (
        lambda s: edit(
            s / "toolsets/users.toml", 'tells_of = ["user"]', 'tells_of = ["contact"]'
        ),
        ("tells_of", "contact")),
    "an effect on people of which nobody says whom it reaches": (
        lambda s: edit(
            s / "toolsets/calls.toml", 'wish = { family = "dial", whom = ["to"] }\n', ""
        ),
        ("start_outbound_call", "no wish")),
    "a wish by an argument that is not there": (
        lambda s: edit(s / "toolsets/calls.toml", 'wish = { family = "dial", whom = ["to"] }',
                       'wish = { family = "dial", whom = ["number"] }'),
        ("start_outbound_call", "does not fit")),
    "an alias that leads nowhere": (
        lambda s: edit(s / "aliases.toml", "[aliases]", '[aliases]\naircall_old = "aircall_none"'),
        ("aliases.toml", "aircall_old")),
    "an alias with the name of a tool": (
        lambda s: edit(
            s / "aliases.toml", "[aliases]", '[aliases]\naircall_ping = "aircall_get_tag"'),
        ("aliases.toml", "aircall_ping")),
    "a reference that leads nowhere": (
        lambda s: edit(s / "aircall.openapi.yaml", "#/components/schemas/Tag'",
                       "#/components/schemas/Label'"), ("#/components/schemas/Label",)),
    "a reference that leads out of the document": (
        lambda s: edit(s / "aircall.openapi.yaml", "'#/components/schemas/Tag'",
                       "'https://evil.example/x.yaml'"), ("leads out",)),
    "a document that is no YAML": (
        lambda s: edit(s / "aircall.openapi.yaml", "openapi:", "openapi: ["),
        ("aircall.openapi.yaml",)),
    "a document that is not there": (
        lambda s: (s / "aircall.openapi.yaml").unlink(), ("aircall.openapi.yaml",)),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_what_does_not_fit_stops_the_build_and_names_the_place(sources: Path, what: str) -> None:
    spoil, named = FAULTS[what]
    spoil(sources)
    message = fault(sources)
    for part in named:
        assert part in message


def test_an_example_that_its_own_schema_refuses_stops_the_build(sources: Path) -> None:
    edit(
        sources / "toolsets/search.toml",
        'example = { query = "place an outbound call" }',
        "example = {}",
    )
    message = fault(sources)
    assert "search.toml" in message
    assert "example" in message


def test_a_compiled_row_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(SpecError, match="'get_tag' does not fit"):
        operation_from({"id": "get_tag", "answer": {"status": 200}, "parameters": [], "mood": 1})


def test_every_operation_is_plain_data_finished_when_it_is_born() -> None:
    first, second = spec.load(), spec.load()
    assert first.operations == second.operations
    assert all(isinstance(operation, Operation) for operation in first.operations)
    with pytest.raises(AttributeError):
        first.operations[0].tool = "other"  # type: ignore[misc]  # that is the point


def test_an_operation_that_is_retired_says_until_when() -> None:
    by_id = {operation.id: operation for operation in spec.load().operations}
    retired = by_id["list_users_v1"].retired
    assert retired
    assert (retired.sunset, retired.replacement) == ("2026-09-30", "list_users_v2")
    assert by_id["list_users_v2"].retired is None


def test_the_answer_knows_its_secrets_its_links_and_its_times() -> None:
    by_id = {operation.id: operation for operation in spec.load().operations}
    assert by_id["list_webhooks"].answer.secrets == {"token"}
    assert by_id["get_call"].answer.expiring["recording"] == 3600
    assert by_id["list_calls"].answer.capped
    assert "started_at" in by_id["get_call"].answer.seconds
    assert by_id["get_call"].answer.strangers


def test_the_document_describes_itself() -> None:
    document = spec.document()
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) > 60
    assert document["webhooks"]
