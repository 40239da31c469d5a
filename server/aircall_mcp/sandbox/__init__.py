"""The small Aircall: an ASGI app with state, both error layers, rate limits and OAuth."""

from .app import Arrival, Sandbox
from .contract import Contract
from .entities import Pace
from .world import World

__all__ = ["Arrival", "Contract", "Pace", "Sandbox", "World"]
