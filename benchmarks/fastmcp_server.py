"""`fastmcp` from our own document: what somebody would have who wrote no server.

python fastmcp_server.py DOCUMENT BASE_URL API_ID API_TOKEN
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2  # which it brings


def main() -> None:
    file, base_url, api_id, api_token = sys.argv[1:]
    document: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))
    client = httpx2.AsyncClient(base_url=base_url, auth=(api_id, api_token), trust_env=False)
    # In an environment of its own, which whoever checks these types has not.
    made: Any = import_module("fastmcp").FastMCP
    made.from_openapi(document, client=client, name="peer", validate_output=False).run(
        show_banner=False
    )


if __name__ == "__main__":
    main()
