"""Ids and names of MITRE ATLAS and OWASP, as versioned data: ``threats.toml``; and ATT&CK's."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

__all__ = ["attack", "risks", "techniques", "versions"]

_ATTACK: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "usage": ("Exfiltration", "T1020"),
        "time": ("Exfiltration", "T1020"),
        "content": ("Exfiltration", "T1020"),
        "identity": ("ResourceDevelopment", "T1585"),
        "infrastructure": ("CommandAndControl", "T1090"),
    }
)
"""Family -> automated exfiltration, establish accounts, proxy."""


def attack(family: str) -> tuple[str, str]:
    """Return tactic and technique of MITRE ATT&CK, for houses that know no ATLAS.

    The tactic is written as Microsoft's portals do, without blanks.
    """
    return _ATTACK[family]


@cache
def _lists() -> Mapping[str, Any]:
    text = files("stillhunt.hunt").joinpath("threats.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def techniques() -> Mapping[str, str]:
    """Return id -> name of MITRE ATLAS's techniques, mitigations and cases that rules may name."""
    return MappingProxyType(_lists()["atlas"]["entries"])


def risks() -> Mapping[str, str]:
    """Return id -> name of OWASP's risks for LLM applications that rules may name."""
    return MappingProxyType(_lists()["owasp"]["entries"])


def versions() -> Mapping[str, str]:
    """Return the versions of the lists, by ``atlas`` and ``owasp``."""
    return {name: str(listed["version"]) for name, listed in _lists().items()}
