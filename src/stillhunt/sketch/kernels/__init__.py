"""The sketches that need numba: one pass over the text."""
