"""What happened? Logs in, sketches and findings out.

The room is also the verb: ``stillhunt.hunt(paths)`` is the call for notebooks, and it has to
stay one after ``import stillhunt.hunt.lake`` has bound this package to the same name. So the
package itself can be called; see ``docs/decisions/0006-hunt-is-a-verb.md``.
"""

import sys
from types import ModuleType


class _Verb(ModuleType):
    def __call__(self, *paths: object, **settings: object) -> object:
        """Hunt; see ``stillhunt.hunt.call.hunt``."""
        from importlib import import_module  # noqa: PLC0415 - keeps the package light

        return import_module("stillhunt.hunt.call").hunt(*paths, **settings)


sys.modules[__name__].__class__ = _Verb
