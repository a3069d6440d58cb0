"""Nouns: frozen dataclasses and the standard library, nothing else."""
