"""Compiled twins of readers, for formats that come in hundreds of millions of lines."""

__all__: list[str] = []
