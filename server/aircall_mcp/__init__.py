"""aircall-mcp: the Aircall phone system in the hands of an AI model, safely.

`from aircall_mcp import Toolkit` for a loop of your own, without MCP. `__init__.pyi` has the types.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The toolkit when somebody asks for it: all the rest here imports this package, too."""
    if name in ("Tool", "Toolkit", "ToolkitSync"):
        return getattr(import_module(".toolkit", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
