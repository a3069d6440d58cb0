"""Sinks: one part per file, each delivers one item, at least once."""
