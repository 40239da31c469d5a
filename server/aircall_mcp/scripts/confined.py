"""What the operating system lets the process of a script do, whatever its interpreter does: open
nothing, write nothing, start nothing, and end.

On Linux, where a process may lower the limits of its children. Elsewhere a script has the limits of
its interpreter alone.
"""

from __future__ import annotations

import logging
import math
from typing import Final

log = logging.getLogger(__name__)

try:
    import resource
except ImportError:  # Windows has none
    resource = None

SPARE_SECONDS: Final = 3
"""Of the processor, beside what a script may reckon: to read the program and to hand over."""
SPARE_MEMORY: Final = 256 * 1024 * 1024
COPIES: Final = 4
"""Of what a script holds, on its way to us."""


def confine(pid: int | None, *, computing: float, memory: int) -> bool:
    """Lower the limits of this process for good: `computing` in seconds, `memory` in bytes. Says
    whether it could; what it has open stays so."""
    if pid is None or resource is None or not hasattr(resource, "prlimit"):
        return False
    limits = {
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: math.ceil(computing) + SPARE_SECONDS,
        resource.RLIMIT_AS: memory * COPIES + SPARE_MEMORY,
    }
    try:
        for limit, most in limits.items():
            resource.prlimit(pid, limit, (most, most))
    except OSError as error:
        log.warning("a script runs without limits of the system: %s", error)
        return False
    return True
