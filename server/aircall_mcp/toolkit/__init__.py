"""The same tools for LLM loops of other programs, one file for each framework, and a synchronous
twin."""

from .blocking import ToolkitSync
from .tool import Approve, Tool
from .toolkit import Toolkit

__all__ = ["Approve", "Tool", "Toolkit", "ToolkitSync"]
