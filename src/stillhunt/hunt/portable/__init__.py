"""SQL that means the same on every engine: what may stand in it, and how each one spells it."""
