"""Ids and names of MITRE ATLAS and OWASP, as versioned data: ``threats.toml``."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

__all__ = ["risks", "techniques", "versions"]


@cache
def _lists() -> Mapping[str, Any]:
    text = files("stillhunt.hunt").joinpath("threats.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def techniques() -> Mapping[str, str]:
    """Return id -> name of MITRE ATLAS's techniques, mitigations and cases that we use."""
    return MappingProxyType(_lists()["atlas"]["entries"])


def risks() -> Mapping[str, str]:
    """Return id -> name of OWASP's risks for LLM applications that we use."""
    return MappingProxyType(_lists()["owasp"]["entries"])


def versions() -> Mapping[str, str]:
    """Return the versions of the lists, by ``atlas`` and ``owasp``."""
    return {name: str(listed["version"]) for name, listed in _lists().items()}
