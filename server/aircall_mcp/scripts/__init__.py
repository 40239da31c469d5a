"""Small programs that a model writes over the tools: they read and compute, and their changes
become a plan."""

from .interpreter import Interpreter, Limits
from .scripts import Scripts

__all__ = ["Interpreter", "Limits", "Scripts"]
