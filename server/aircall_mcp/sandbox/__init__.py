"""The small Aircall: an ASGI app with state, both error layers, rate limits and OAuth."""

from .app import Arrival, Sandbox
from .contract import Contract
from .world import Pace, World

__all__ = ["Arrival", "Contract", "Pace", "Sandbox", "World"]
