"""Apps on real ports of loopback, each served by a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from aircall_mcp.ground.asgi import listen


@contextmanager
def served(app: Any, port: int = 0) -> Generator[str]:
    """Serves `app` while it is entered; gives its URL. Nobody who comes early is turned away."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", port) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
