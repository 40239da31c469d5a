"""Last week's calls in a few lines, without a language model: `Toolkit` as a library.

Against the sandbox; `Toolkit(account="acme", read_only=True)` reads the company's.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from aircall_mcp import ToolkitSync


def main() -> None:
    week_ago = (datetime.now(UTC) - timedelta(days=7)).isoformat(timespec="seconds")
    asked: dict[str, Any] | None = {"from": week_ago, "max_items": 500}
    calls: list[dict[str, Any]] = []
    with ToolkitSync.sandbox(read_only=True) as aircall:
        while asked is not None:
            answer = aircall.execute("list_calls", asked)
            if "error" in answer:
                raise SystemExit(answer["error"]["message"])
            calls += answer["data"]["calls"]
            asked = answer["page"].get("next")
    missed = Counter(call["missed_call_reason"] for call in calls if call.get("missed_call_reason"))
    print(f"{len(calls)} calls, {missed.total()} missed")
    for reason, times in missed.most_common():
        print(f"  {times:4} {reason}")


if __name__ == "__main__":
    main()
