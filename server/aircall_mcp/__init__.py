"""aircall-mcp: the Aircall phone system in the hands of an AI model, safely."""

__version__ = "0.1.0"
