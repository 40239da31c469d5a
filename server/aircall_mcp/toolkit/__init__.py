"""The same desk for the LLM loops of other programs, one file a framework, and a sync twin."""

from .blocking import ToolkitSync
from .tool import Approve, Tool
from .toolkit import Toolkit

__all__ = ["Approve", "Tool", "Toolkit", "ToolkitSync"]
