"""For each of yesterday's missed calls from a country, text them: one script, one yes.

Against the sandbox, where France called yesterday; needs `pip install 'aircall-mcp[scripts]'`.
"""

from __future__ import annotations

import sys
from typing import Any

from aircall_mcp import ToolkitSync

SCRIPT = """\
found = await find_calls(period="yesterday", missed="true", direction="inbound")
rows = [dict(zip(found["data"]["columns"], row)) for row in found["data"]["rows"]]
people = sorted({row["phone"] for row in rows if row["phone"].startswith(COUNTRY)})
if people:
    await send_text(to=people, body="Sorry we missed you. When may we call back?", from_="num_555")
people
"""


def asked(question: Any) -> bool:
    """A person sees the whole plan and answers; here nobody is there, and it is the sandbox."""
    print(question.preview)
    return True


def main(country: str) -> None:
    with ToolkitSync.sandbox(approve=asked) as aircall:
        code = f"COUNTRY = {country!r}\n{SCRIPT}"
        answer = aircall.execute("run_script", {"code": code})
        if "error" in answer:
            raise SystemExit(f"{answer['error']['message']} {answer['error'].get('hint', '')}")
        plan = answer["data"].get("plan")
        if plan is None:
            raise SystemExit(f"Nobody called from {country} and was missed yesterday.")
        for step in plan["steps"]:
            print(step["operation"], step["arguments"]["to"])
        done = aircall.execute("plan", {"draft": plan["draft"]})
        print(done["data"]["outcomes"])


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["+33"]))
