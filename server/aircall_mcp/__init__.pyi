from .toolkit import Tool as Tool
from .toolkit import Toolkit as Toolkit
from .toolkit import ToolkitSync as ToolkitSync

__version__: str
