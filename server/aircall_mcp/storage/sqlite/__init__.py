"""SQLite behind the interface of `storage.store`: its connections, settings, dialect and errors."""

from .database import BUSY_SECONDS, Database

__all__ = ["BUSY_SECONDS", "Database"]
