"""Which tools are offered, to whom, and in which words: operations as tools, replies as results."""

from .offer import Offer, Offers, offers_for
from .registry import Registry
from .selection import EVERYTHING, Selection

__all__ = ["EVERYTHING", "Offer", "Offers", "Registry", "Selection", "offers_for"]
