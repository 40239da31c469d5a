from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from aircall_mcp import __version__
from aircall_mcp.cli import COMMANDS, group
from aircall_mcp.errors import SettingsError

from ..canaries import CANARIES
from ..forked import forked


def ran(*arguments: str, code: int = 0, **more: Any) -> Result:
    """A command in this process; errors of ours are left to `main`, which has its own tests."""
    result = CliRunner().invoke(group, arguments, **more)
    assert result.exit_code == code, result.output
    return result


def told(*arguments: str, **more: Any) -> Any:
    """The one JSON document that `--json` prints."""
    return json.loads(ran(*arguments, "--json", **more).stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    text = ran(command, "--help").stdout
    assert text.startswith("Usage: ")
    assert len(text.splitlines()) > 4


def test_help_lists_every_command_with_a_line_of_its_own() -> None:
    text = ran("--help").stdout
    for name, words in COMMANDS.items():
        assert name in text
        assert words in " ".join(text.split())
    assert ran("--version").stdout == f"aircall-mcp, version {__version__}\n"


def test_tools_prints_what_tools_list_answers() -> None:
    tools = told("tools")["tools"]
    assert len(tools) > 80
    told_of = {"name", "title", "description", "inputSchema", "annotations"}
    assert all(set(tool) - {"outputSchema"} == told_of for tool in tools)
    only = told("tools", "--toolsets", "tags", "--read-only")["tools"]
    assert [tool["name"] for tool in only] == [
        "aircall_search",
        "aircall_list_tags",
        "aircall_get_tag",
    ]
    assert "aircall_list_tags" in ran("tools").stdout


def test_a_selection_that_leaves_nothing_says_so() -> None:
    none = ran("tools", "--tools", "get_tag", "--exclude-tools", "search,get_tag")
    assert (none.stdout, none.stderr) == (
        "",
        "This selection leaves no tool.\n",
    )
    assert ran("tools", "--tools", "get_tag", "--exclude-tools", "search").stderr == "1 tool\n"


def test_search_ranks_and_says_why() -> None:
    found = told("search", "place", "an", "outbound", "call")
    assert found["confident"] is True
    whole, plain = found["matches"][:2]
    assert whole["tool"] == "aircall_place_call"
    assert plain["tool"] == "aircall_start_outbound_call"
    assert whole["because"]
    vague = ("search", "something", "with", "the", "phones,", "I", "forget", "what")
    assert len(told(*vague, "--limit", "5")["matches"]) == 5
    assert "aircall_start_outbound_call" in ran("search", "place an outbound call").stdout


def test_search_in_a_batch_answers_line_by_line_in_order(tmp_path: Path) -> None:
    queries = ["list tags", "order a pizza from mars", "", "envoyer un SMS à un client"]
    file = tmp_path / "queries.jsonl"
    file.write_text("\n".join(json.dumps({"query": query, "id": 1}) for query in queries) + "\n\n")
    rows = [json.loads(line) for line in ran("search", "--batch", str(file)).stdout.splitlines()]
    assert [row["query"] for row in rows] == queries
    for row in rows:
        assert set(row) == {"query", "confident", "score", "ranked"}
        assert isinstance(row["confident"], bool)
        assert isinstance(row["score"], float)
        assert len(row["ranked"]) <= 10
        assert all(route.split(" ")[1].startswith("/v") for route in row["ranked"])
    assert rows[0]["ranked"][0] == "GET /v1/tags"


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"q": 1}', "7"])
def test_a_line_of_a_batch_that_has_no_query_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text('{"query": "list tags"}\n' + line + "\n")
    result = CliRunner().invoke(group, ["search", "--batch", str(file)])
    assert result.exit_code in (1, 2)
    assert "line 2" in result.stderr


def test_a_batch_may_begin_with_a_mark_and_must_be_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text('{"query": "list tags"}\n', "utf-8-sig")
    (row,) = ran("search", "--batch", str(file)).stdout.splitlines()
    assert json.loads(row)["query"] == "list tags"
    file.write_text('{"query": "list tags"}\n', "utf-16")
    refused = CliRunner().invoke(group, ["search", "--batch", str(file)])
    assert refused.exit_code == 1
    assert "queries.jsonl is not text in UTF-8." in refused.stderr


def test_search_without_a_query_is_wrong_usage() -> None:
    assert "QUERY" in ran("search", code=2).stderr
    ran("search", "--batch", "/no/such/file", code=2)


@pytest.mark.parametrize("name", ["aircall_get_tag", "get_tag", "GET /v1/tags/{id}"])
def test_describe_takes_a_tool_name_an_id_or_a_route(name: str) -> None:
    assert told("describe", *name.split())["tool"] == "aircall_get_tag"
    text = ran("describe", name).stdout
    assert "tag_id" in text
    assert "GET /v1/tags/{id}" in text


def test_tools_and_describe_say_what_is_at_stake() -> None:
    table = ran("tools", env={"COLUMNS": "200"}).stdout
    assert "exposes" in table
    assert "(administers)" in table
    assert "exposes" in ran("describe", "create_webhook").stdout
    assert told("describe", "update_number")["stakes_of_arguments"]["messages"] == "administers"
    assert "stakes_of_arguments" in ran("describe", "update_number").stdout


def test_openapi_prints_the_whole_document_as_yaml_or_json() -> None:
    text = ran("openapi").stdout
    document = json.loads(ran("openapi", "--format", "json").stdout)
    assert yaml.load(text, yaml.CSafeLoader) == document
    assert document["openapi"].startswith("3.1")


def test_config_prints_the_config_alone_on_stdout_and_the_place_on_stderr() -> None:
    result = ran("config", "cursor")
    assert json.loads(result.stdout)["mcpServers"]["aircall"]["command"] == sys.executable
    assert "mcp.json" in result.stderr
    ran("config", "netscape", code=2)
    allowing = json.loads(ran("config", "cursor", "--allow", "reach, administers").stdout)
    assert allowing["mcpServers"]["aircall"]["args"][-2:] == ["--allow", "reach,administers"]
    with pytest.raises(SettingsError):
        CliRunner().invoke(
            group, ["config", "cursor", "--allow", "everything"], catch_exceptions=False
        )


def test_run_performs_one_operation_in_the_sandbox() -> None:
    answer = told("run", "list_tags", "--sandbox", "--arg", "per_page=3")
    assert answer["sandbox"] is True
    assert len(answer["data"]["tags"]) == 3
    assert answer["page"]["next"] == {"per_page": 3, "page": 2}
    tag = told("run", "aircall_create_tag", "--sandbox", "--args",
               '{"name": "Upsell"}', "--arg", "color=#123456")  # fmt: skip
    assert tag["data"]["tag"]["name"] == "Upsell"
    assert told("run", "GET /v1/tags", "--sandbox")["page"]["complete"] is True


def test_run_prints_the_error_as_json_and_fails() -> None:
    error = told("run", "get_call", "--sandbox", "--arg", "call=1", code=1)["error"]
    assert error["kind"] == "argument"
    assert "Did you mean `call_id`?" in error["hint"]
    error = told("run", "get_call", "--sandbox", "--arg", "call_id=1", code=1)["error"]
    assert (error["kind"], error["status"]) == ("refused", 404)
    assert told("run", "ping", code=1)["error"]["kind"] == "credential"


@pytest.mark.parametrize(
    "wrong", [("--args", "[1]"), ("--args", "{"), ("--arg", "call_id"), ("--arg", "=1")]
)
def test_arguments_that_cannot_be_read_are_wrong_usage(wrong: tuple[str, str]) -> None:
    ran("run", "get_call", "--sandbox", *wrong, code=2)


def test_doctor_says_what_to_do_and_fails_without_a_key(home: Path) -> None:
    findings = {one["what"]: one for one in told("doctor", code=1)["findings"]}
    assert findings["credential"]["state"] == "bad"
    assert "AIRCALL_API_ID" in findings["credential"]["next"]
    assert findings["log"]["said"] == str(home / "log" / "server.log")
    assert sys.executable in findings["version"]["said"]
    good = {one["what"]: one for one in told("doctor", "--sandbox")["findings"]}
    assert good["credential"]["state"] == "good"
    assert "✓" in ran("doctor", "--sandbox").stdout


def test_doctor_warns_of_a_home_that_is_open_to_others(home: Path) -> None:
    home.mkdir(mode=0o755)
    findings = {one["what"]: one for one in told("doctor", "--sandbox")["findings"]}
    assert findings["home"]["state"] == "attention"
    assert "chmod 700" in findings["home"]["next"]


def test_doctor_tells_of_a_broken_config_instead_of_breaking(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("surfaces = 1")
    findings = told("doctor", code=1)["findings"]
    assert findings[-1]["what"] == "settings"
    assert "Did you mean `surface`?" in findings[-1]["next"]


WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("describe", "list_tagz"), 2, "Did you mean"),
    (("run", "list_tagz", "--sandbox"), 2, "Did you mean"),
    (("tools", "--toolsets", "tagz"), 2, "Did you mean `tags`?"),
    (("nonsense",), 2, "No such command"),
    (("serve", "--port", "0"), 2, "port"),
    (("sandbox", "--fault", "http-500=often"), 2, "KIND=RATE"),
    (("sandbox", "--fault", "http-999=1"), 2, "known: "),
    (("run", "get_call", "--sandbox", "--arg", "call_id=1"), 1, ""),
]


@pytest.mark.slow
def test_a_wrong_word_is_said_in_a_line_without_a_traceback() -> None:
    done = forked(*(arguments for arguments, _, _ in WRONG))
    for one, (_, code, words) in zip(done, WRONG, strict=True):
        assert one.returncode == code, f"{one.args}: {one.stderr}"
        assert words in one.stderr, one.args
        assert "Traceback" not in one.stderr + one.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "kind"),
    [("AIRCALL_API_TOKEN", "api token"), ("AIRCALL_MCP_VAULT_PASSPHRASE", "passphrase")],
)
def test_no_error_says_a_secret_of_the_environment(variable: str, kind: str) -> None:
    secret = CANARIES[kind]
    wrong = (
        ("accounts", "test", secret),
        ("run", secret),
        ("run", "get_company", "--arg", f"={secret}"),
        ("run", "get_company", "--args", json.dumps({secret: 1})),
        ("serve", "--transport", secret),
        (secret,),
    )
    for done in forked(*wrong, **{variable: secret}):
        assert done.returncode in (1, 2), done.stderr
        assert secret not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_bug_is_one_line_for_the_person_and_a_traceback_in_the_log(home: Path) -> None:
    program = (
        "import sys, aircall_mcp.spec as spec\n"
        "spec.load = lambda: 1 / 0\n"
        "sys.argv = ['aircall-mcp', 'tools']\n"
        "from aircall_mcp.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("bug: ZeroDivisionError.")
    assert len(done.stderr.splitlines()) == 1
    log = (home / "log" / "server.log").read_text("utf-8")
    assert "Traceback" in log
    assert "ZeroDivisionError" in log


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error() -> None:
    command = f"{sys.executable} -m aircall_mcp openapi | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "openapi: 3.1.0\n", "")


SLIPS: list[tuple[tuple[str, ...], str, str]] = [
    (("serv",), "No such command 'serv'.", "Did you mean `serve`?"),
    (("accounts", "lst"), "No such command 'lst'.", "Did you mean `list`?"),
    (("config", "curser"), "'curser' is not one of", "Did you mean `cursor`?"),
    (("serve", "--surface", "serch"), "'serch' is not one of", "Did you mean `search`?"),
    (("sandbox", "--data", "smal"), "'smal' is not one of", "Did you mean `small`?"),
    (("accounts", "add", "--user", "me"), "'me' is not a whole number.", ""),
    (("accounts", "add", "--user", "0"), "0 must be at least 1.", ""),
    (("search", "--limit", "50", "x"), "50 must lie between 1 and 10.", ""),
    (("sandbox", "--webhook-failures", "0"), "0 must be at least 1.", ""),
    (("sandbox", "--webhook-disorder", "much"), "'much' is not a number.", ""),
    (("describe", "GET", "/v1/cals"), "Unknown operation", "Did you mean `GET /v1/calls`?"),
    (("describe", "zzz"), "Unknown operation: zzz.", "`aircall-mcp search`"),
    (("tools", "--toolsets", "zzz"), "Unknown toolset: zzz.", "Known: account, analytics, "),
    (("forward", "remove", "99"), "no rule or destination `99`", "aircall-mcp forward add"),
    (("webhooks", "serve", "--host", "300.1.1.1"), "Nothing can listen", "another --host"),
    (("accounts", "add", "--from-environment", "--key", "file"), "one of them is missing", ""),
]


@pytest.mark.slow
def test_a_slip_is_said_plainly_with_what_was_meant(home: Path) -> None:
    done = forked(*(arguments for arguments, _, _ in SLIPS))
    for one, (_, said, hint) in zip(done, SLIPS, strict=True):
        assert one.returncode in (1, 2), f"{one.args}: {one.stderr}"
        assert said in one.stderr
        assert hint in one.stderr
        assert not any(word in one.stderr for word in ("<=x", "x>=", "integer", "\t", "Traceback"))
    assert not (home / "vault.db").exists()
