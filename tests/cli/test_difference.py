"""What a person is shown before a client's file changes: ours, and no value of anybody else."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.cli.configs import jsonc, toml, yaml
from aircall_mcp.cli.configs.difference import difference

SECRET = "ghp_somebody-elses-token"
OURS = {
    "command": "/usr/bin/python",
    "args": ["-m", "aircall_mcp", "serve", "--allow", "reach"],
    "env": {"AIRCALL_MCP_HOME": "/home/me/aircall", "AIRCALL_API_TOKEN": SECRET},
}

LAYOUTS = [
    (jsonc, text)
    for text in (
        '{"KEY":{"gh":{"args":["--token","SECRET"],"env":{"T":"SECRET"}}}}',
        '{\n "k": "SECRET" // SECRET\n}',
        '{"KEY": {"gh": {"c": "SECRET"} /* SECRET */}}',
        '{"a": "x \\" SECRET", "KEY": {}}',
        '// SECRET\n{"KEY": {} // SECRET\n}',
        '{"KEY": {"gh": ["SECRET", 1, true, ["SECRET"]]}}',
    )
] + [
    (toml, text)
    for text in (
        "a = 'SECRET' # SECRET",
        'a = """\nSECRET\n"""',
        '[KEY.gh]\nenv = {T = "SECRET", U = [\'SECRET\']} # SECRET',
    )
] + [
    (yaml, text)
    for text in (
        "a: SECRET # SECRET\nKEY: {} # SECRET\nz: SECRET",
        "k: |\n  SECRET: SECRET\n  SECRET",
        "KEY:\n  gh:\n    envs: {T: SECRET}\n    args:\n    - SECRET",
        "k: 'it''s SECRET'\nKEY: null # SECRET",
    )
]  # fmt: skip


@pytest.mark.parametrize(("form", "text"), LAYOUTS, ids=range(len(LAYOUTS)))
def test_what_others_keep_is_not_shown_however_it_is_written_and_ours_is(
    form: Any, text: str
) -> None:
    text = text.replace("KEY", "servers").replace("SECRET", SECRET)
    after = form.put(text, ("servers", "aircall"), OURS)
    assert SECRET in after
    shown = difference(text, after, [OURS, "servers.aircall"])
    assert SECRET not in shown
    for word in ("/usr/bin/python", "aircall_mcp", "--allow", "reach", "/home/me/aircall",
                 "AIRCALL_API_TOKEN"):  # fmt: skip
        assert word in shown, word
    taken = difference(after, form.drop(after, ("servers", "aircall")), [OURS, "servers.aircall"])
    assert SECRET not in taken
    assert "aircall_mcp" in taken


def test_what_would_move_a_cursor_is_not_shown() -> None:
    name = "a\u202eb"
    before = f'{{"{name}": 1}}'
    after = jsonc.put(before, ("servers", "aircall"), OURS)
    shown = difference(before, after, [OURS])
    assert "\u202e" not in shown
    assert '"ab"' in shown
