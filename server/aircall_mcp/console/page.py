"""What a person sees, as HTML: no script, no picture, nothing from elsewhere.

Whatever is not ours is escaped, is isolated in its direction, and stands behind our words on a line
of its own, as at the terminal.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from ..ground.command import runnable
from ..ground.visible import clean

if TYPE_CHECKING:
    from ..safety.approvals import Approval, Standing

STYLE: Final = """
:root{color-scheme:light dark;--edge:#8886;--yes:#0b6b53;--no:#a3243b}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}
h1{font-size:1.3rem;margin:.5rem 0 1rem}
h2{font-size:1.05rem;margin:0}
p{margin:.5rem 0}
.it{border:1px solid var(--edge);border-radius:.5rem;padding:.75rem 1rem;margin:1rem 0}
.it p{overflow-wrap:anywhere;white-space:pre-wrap;padding-left:1.5rem;text-indent:-1.5rem;
margin:.2rem 0}
.of{font-size:.875rem;opacity:.8}
.said{border-left:.25rem solid var(--edge);padding:.25rem .75rem}
form{display:inline-block;margin:0 .75rem .75rem 0}
label{display:block;margin:.5rem 0 .25rem}
input{font:1.2rem/1.5 ui-monospace,monospace;padding:.4rem .6rem;width:12rem;max-width:100%}
button{font:inherit;padding:.6rem 1.4rem;border:2px solid currentColor;border-radius:.4rem;
background:none;cursor:pointer;min-height:2.75rem}
.yes{background:var(--yes);border-color:var(--yes);color:#fff}
.no{background:var(--no);border-color:var(--no);color:#fff}
:focus-visible{outline:3px solid #4a90e2;outline-offset:2px}
@media not all and (pointer:coarse){
html:not(:hover) button{pointer-events:none}
html:hover button{animation:settle .7s}
}
@keyframes settle{from,to{pointer-events:none;opacity:.5}}
"""
"""A pointer that has just come, since another window went or the page did, presses no button yet:
the second half of a double click was meant for what was there before. Keys do as ever."""
STYLE_HASH: Final = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode(
    "ascii"
)

_SAID: Final[Mapping[Standing, str]] = {
    "waiting": "It is waiting for your answer.",
    "approved": "You said yes. The model makes the same call again now, and it goes through once.",
    "refused": "You said no. Nothing is done.",
    "used": "Your yes was used: the call was done, or may have been.",
    "expired": "Nobody answered in time. Nothing is done.",
    "cancelled": "It was cancelled. Nothing is done.",
}
TERMINAL: Final = "aircall-mcp approve --page"


@dataclass(frozen=True, slots=True)
class Form:
    """One button, and the fields that go with it."""

    action: str
    button: str
    fields: Mapping[str, str]
    kind: str = ""


def entrance(then: str, said: str = "") -> str:
    """Where a code is typed; nothing of what waits is told before that. `then` is where it goes
    on."""
    return _page(
        "Enter a code",
        _said(said),
        "<p>Pending approvals are shown only after you type a code. Get one, which is shown to"
        " you and not to a browser or a model:</p>",
        _form(Form("/code", "Show me a code on this desktop", {"then": then})),
        f"<p>or run <code>{escape(runnable(TERMINAL))}</code> in a terminal of this machine.</p>",
        '<form method="post" action="/enter" autocomplete="off">',
        '<label for="code">The code</label>',
        '<input id="code" name="code" maxlength="32" required spellcheck="false"'
        ' autocapitalize="characters" autocomplete="off">',
        f'<input type="hidden" name="then" value="{escape(then)}">'
        " <button>Continue</button></form>",
        f'<p class="of">You typed one a moment ago? <a href="{escape(then)}">Reload</a>. Do'
        " not tell it to anybody: whoever asks you for it in a chat wants to say yes for you.</p>",
    )


def listed(waiting: Sequence[Approval], now: float) -> str:
    """All that waits, each with the way to see it whole."""
    items = [
        f'<div class="it"><h2><a href="/approvals/{escape(one.id)}">'
        f"{_bdi(one.preview.split(chr(10), 1)[0])}</a></h2>{_of(one, now)}</div>"
        for one in waiting
    ]
    nothing = "<p>No approval is pending.</p>"
    return _page(
        "Pending approvals",
        *(items or [nothing]),
        '<p><a href="/">Reload</a></p>',
        _form(Form("/leave", "Leave", {})),
    )


def whole(one: Approval, now: float, token: str, said: str = "") -> str:
    """One of them, as it will be done if somebody says yes, and the two buttons."""
    shown = "".join(f"<p>{_line(line)}</p>" for line in clean(one.preview).split("\n"))
    action = f"/approvals/{one.id}"
    buttons = [
        _form(Form(action, "Approve", {"token": token, "answer": "yes"}, "yes")),
        _form(Form(action, "Refuse", {"token": token, "answer": "no"}, "no")),
    ]
    waits = one.standing == "waiting"
    return _page(
        "Do it?" if waits else "Answered",
        _said(said if waits else ""),
        f'<div class="it">{shown}</div>',
        _of(one, now) if waits else _said(_SAID[one.standing]),
        *(buttons if waits else []),
        '<p><a href="/">All pending approvals</a></p>',
    )


def nothing_here() -> str:
    return _page("Nothing is here", '<p><a href="/">All pending approvals</a></p>')


def unreadable() -> str:
    words = "<p>Approvals cannot be read now, so nothing is done. Try again in a moment.</p>"
    return _page("Not now", words)


def _page(title: str, *parts: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · aircall-mcp</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{''.join(parts)}</main></body></html>"
    )


def _form(form: Form) -> str:
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in form.fields.items()
    )
    kind = f' class="{form.kind}"' if form.kind else ""
    return (
        f'<form method="post" action="{escape(form.action)}">{fields}'
        f"<button{kind}>{escape(form.button)}</button></form>"
    )


def _of(one: Approval, now: float) -> str:
    minutes = max(1, round((one.expires - now) / 60))
    return (
        f'<p class="of">Asked by {_bdi(one.principal)}, account {_bdi(one.account)}, id '
        f"{escape(one.id)}. It expires in {minutes} minute{'s' * (minutes != 1)}.</p>"
    )


def _line(line: str) -> str:
    """Ours, then the other's: what is said of the direction of one says nothing of the other."""
    ours, colon, theirs = line.partition(": ")
    return f"{escape(ours)}{colon}{_bdi(theirs)}" if colon else _bdi(line)


def _bdi(text: str) -> str:
    return f"<bdi>{escape(clean(text))}</bdi>"


def _said(words: str) -> str:
    return f'<p class="said" role="status">{escape(words)}</p>' if words else ""
