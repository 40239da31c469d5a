"""Ask the sandbox through the client that openapi-python-client made: a line of JSON for each read.

`asks.py FOLDER BASE_URL API_ID API_TOKEN` with `[[operation, {argument: value}], ...]` on stdin. It
runs where that client's libraries are, and knows nothing of ours.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from typing import Any


def main(folder: str, base_url: str, api_id: str, api_token: str) -> None:
    sys.path.insert(0, folder)
    made: Any = importlib.import_module("made")
    api: Any = importlib.import_module("made.api")
    modules = {
        module.name.rpartition(".")[2]: module.name
        for module in pkgutil.walk_packages(api.__path__, "made.api.")
    }
    basic: Any = importlib.import_module("httpx").BasicAuth(api_id, api_token)
    # Two reads are refused without one, though they have no body; no description can say that.
    headers = {"content-type": "application/json"}
    client = made.Client(base_url=base_url, headers=headers, httpx_args={"auth": basic})
    for operation, arguments in json.load(sys.stdin):
        ask: Any = importlib.import_module(modules[operation])
        got = ask.sync_detailed(client=client, **arguments)
        kind = type(got.parsed).__name__
        print(json.dumps([operation, int(got.status_code), kind]))


if __name__ == "__main__":
    main(*sys.argv[1:])
