"""Find parts: one part per file, named in ``__all__``; entry points for other people's.

A part has no base class. The file's name is the part's name, so adding a part is adding
a file, and nothing else is edited.
"""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

__all__ = ["parts"]


@cache
def parts(package: str) -> MappingProxyType[str, type[Any]]:
    """Return name -> class of every part in *package*, sorted by name.

    Args:
        package: Dotted name of a folder of parts, such as ``stillhunt.hunt.readers``. Other
            distributions add parts under the entry point group of the same name.

    Raises:
        ValueError: A file of the folder does not name exactly one part in ``__all__``, or a
            foreign part takes a name that is already ours.
    """
    found: dict[str, type[Any]] = {}
    folder = importlib.import_module(package)
    for info in pkgutil.iter_modules(folder.__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        names = getattr(module, "__all__", [])
        if len(names) != 1:
            raise ValueError(f"{module.__name__} names {names} in __all__; one part per file")
        found[info.name] = getattr(module, names[0])
    for point in entry_points(group=package):
        if point.name in found:
            raise ValueError(f"entry point {point.value} takes the name {point.name!r} of a part")
        found[point.name] = point.load()
    return MappingProxyType(dict(sorted(found.items())))
