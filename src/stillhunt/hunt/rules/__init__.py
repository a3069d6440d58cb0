"""Thresholds as declarative files, one rule each."""
