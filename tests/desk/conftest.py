"""Makes this folder importable, so that the tests of sinks find ``desk_kit``, too."""
