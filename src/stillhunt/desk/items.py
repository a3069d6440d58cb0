"""The nouns of the spool, and its tables."""

from dataclasses import dataclass

__all__ = ["SCHEMA", "Count", "Item"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    sink TEXT NOT NULL, id TEXT NOT NULL, severity INTEGER NOT NULL, payload TEXT NOT NULL,
    is_update INTEGER NOT NULL, queued REAL NOT NULL, due REAL NOT NULL,
    leased REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, parked INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (sink, id)
);
CREATE INDEX IF NOT EXISTS item_due ON item (sink, parked, attempts, queued);
CREATE INDEX IF NOT EXISTS item_worth ON item (severity, queued);
CREATE TABLE IF NOT EXISTS sent (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL, id TEXT NOT NULL, severity INTEGER NOT NULL, UNIQUE (sink, id)
);
CREATE TABLE IF NOT EXISTS held (bytes INTEGER NOT NULL, dropped INTEGER NOT NULL);
INSERT INTO held SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM held);
CREATE TRIGGER IF NOT EXISTS item_in AFTER INSERT ON item
    BEGIN UPDATE held SET bytes = bytes + length(NEW.payload); END;
CREATE TRIGGER IF NOT EXISTS item_out AFTER DELETE ON item
    BEGIN UPDATE held SET bytes = bytes - length(OLD.payload); END;
CREATE TRIGGER IF NOT EXISTS item_new AFTER UPDATE OF payload ON item
    BEGIN UPDATE held SET bytes = bytes - length(OLD.payload) + length(NEW.payload); END;
"""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One finding on its way to one sink."""

    sink: str
    id: str
    severity: int
    payload: str
    """``stillhunt schema finding`` as JSON."""
    is_update: bool
    """Whether an earlier, less grave state of it was delivered."""
    attempts: int
    """Failed tries so far."""
    token: int
    """Of the lease; who has another one no longer has the item."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """What waits for a sink."""

    waiting: int
    parked: int
    reason: str
    """Why the last failed item failed, or ""."""
