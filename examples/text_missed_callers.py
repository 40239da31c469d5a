"""For each of yesterday's missed calls from a country, text them: one script, one yes.

    python examples/text_missed_callers.py [+33 [yesterday]]

Against the sandbox; needs `pip install '.[scripts]'` in the clone. Who
called and is no contact is a stranger, whom a person says yes to in a terminal; with `strangers =
"ask"` in `[destinations]` of the owner's `policy.toml` the yes of `asked` is enough.
"""

from __future__ import annotations

import sys
from typing import Any

from aircall_mcp import ToolkitSync

SCRIPT = """\
found = await find_calls(period=PERIOD, missed="true", direction="inbound")
rows = [dict(zip(found["data"]["columns"], row)) for row in found["data"]["rows"]]
people = sorted({row["phone"] for row in rows if row["phone"].startswith(COUNTRY)})
if people:
    await send_text(to=people, body="Sorry we missed you. When may we call back?", from_="num_555")
people
"""


def asked(question: Any) -> bool:
    """A person sees the whole plan and answers; here nobody is there, and it is the sandbox."""
    print(question.preview, file=sys.stderr)
    return True


def main(country: str = "+33", period: str = "yesterday") -> None:
    with ToolkitSync.sandbox(approve=asked) as aircall:
        code = f"COUNTRY, PERIOD = {country!r}, {period!r}\n{SCRIPT}"
        answer = aircall.execute("run_script", {"code": code})
        _end_on_failure(answer)
        plan = answer["data"].get("plan")
        if plan is None:
            raise SystemExit(f"Nobody called from {country} and was missed: {period}.")
        for step in plan["steps"]:
            print(step["operation"], step["arguments"]["to"])
        done = aircall.execute("plan", {"draft": plan["draft"]})
        _end_on_failure(done)
        print(done["data"]["outcomes"])


def _end_on_failure(answer: dict[str, Any]) -> None:
    if "error" in answer:
        raise SystemExit(f"{answer['error']['message']} {answer['error'].get('hint', '')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
