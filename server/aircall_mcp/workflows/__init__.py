"""Tools shaped like a task: one wish, one call, made of operations."""

from .workflows import Workflows

__all__ = ["Workflows"]
