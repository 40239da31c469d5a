"""`python -m aircall_mcp` and `aircall-mcp`: how clients start the server, and how people run every
command.

Where a client waits, it is answered before anything is imported that its first messages don't need.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """One command of ours. An opening of a session that is begun here goes on behind it."""
    from .protocol.instant import begin

    begun = begin(sys.argv[1:], os.environ)

    from .cli import main as command

    if begun is None:
        command()
        return
    try:
        command(begun)
    except SystemExit as ended:
        # The thread of the opening may wait in a read for ever; only this ends the process.
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)


if __name__ == "__main__":
    main()
