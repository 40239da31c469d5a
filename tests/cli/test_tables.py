"""TOML and YAML, edited in their text, in whatever order and form a file has them."""

from __future__ import annotations

import tomllib
from itertools import permutations

import pytest

from aircall_mcp.cli.configs import toml, yaml
from aircall_mcp.cli.configs.jsonc import Broken

AT = ("mcp_servers", "aircall")
OURS = {"command": "/x", "args": ["-m", "y"], "env": {"A": "b c"}}
CHANGED = {"command": "/x", "args": ["z"], "env": {"A": "d"}, "enabled": False}

TABLES = (
    '[mcp_servers.a]\ncommand = "b" # mine\n',
    '# about b\n[mcp_servers.b.env]\nX = "y"\n',
    '[tui]\ntext = """\n[mcp_servers.other]\n"""\n',
    "[[list]]\nrows = [\n  [1],\n  [2]\n]\n",
    "[mcp_servers]\n",
)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_goes_in_is_changed_and_comes_out_in_any_order_of_the_others(newline: str) -> None:
    for several in list(permutations(TABLES, 3))[:: 1 if newline == "\n" else 6]:
        text = "\n".join(["a = 1", *several]).replace("\n", newline)
        there = tomllib.loads(text)
        once = toml.put(text, AT, OURS)
        assert once.startswith(text)
        assert toml.put(once, AT, OURS) == once
        changed = toml.put(once, AT, CHANGED)
        now = tomllib.loads(changed)
        assert now["mcp_servers"].pop("aircall") == CHANGED
        assert (now["mcp_servers"] or None, now | {"mcp_servers": 0}) == (
            there.get("mcp_servers") or None, there | {"mcp_servers": 0}
        )  # fmt: skip
        assert toml.drop(changed, AT) == text


def test_what_a_person_wrote_in_our_table_stays_where_it_is() -> None:
    text = (
        "# mine\n[mcp_servers.aircall] # phones\n"
        'command = \'/x\'   # by hand\nargs = [\n  "-m", # the module\n  "y",\n]\n\n'
        "[mcp_servers.aircall.env]\nA = 'b c'\n\n# about the next\n[tui]\nx = 1\n"
    )
    assert toml.put(text, AT, OURS) == text
    changed = toml.put(text, AT, OURS | {"command": "/z"})
    assert changed == text.replace("'/x'", '"/z"')
    assert toml.drop(text, AT) == "# mine\n\n# about the next\n[tui]\nx = 1\n"


@pytest.mark.parametrize(
    "text",
    [
        '[mcp_servers]\naircall = {command = "aircall-mcp"}\n',
        'mcp_servers.aircall.command = "aircall-mcp"\n',
        '[mcp_servers.aircall]\na = 1\n[x]\n[mcp_servers.aircall.env]\nb = "c"\n',
    ],
)
def test_a_table_that_is_none_of_its_own_is_left_alone(text: str) -> None:
    for act in (lambda: toml.put(text, AT, OURS), lambda: toml.drop(text, AT)):
        with pytest.raises(Broken, match="not a table of its own"):
            act()


@pytest.mark.parametrize(
    "text",
    [
        "extensions:\n    # about dev\n    dev:\n        args: [a,\n          b]\n    z: {y: 1}\n",
        "k: |\n  extensions:\n    aircall: no\nextensions:\n  dev:\n    t: >-\n      a\n\n      b",
        "# only\n\nextensions: # these\n  'dev': {}\n\n# the end\n",
        "a: 1\nextensions:\n  dev: null",
    ],
)
def test_a_member_of_a_mapping_goes_in_and_comes_out(text: str) -> None:
    at = ("extensions", "aircall")
    for newline in ("\n", "\r\n"):
        before = text.replace("\n", newline)
        once = yaml.put(before, at, OURS)
        assert yaml.read(once)["extensions"].pop("aircall") == OURS
        assert yaml.put(once, at, OURS) == once
        assert yaml.drop(yaml.put(once, at, CHANGED), at).rstrip() == before.rstrip()
