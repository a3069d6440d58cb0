"""Every error that Stillhunt raises on purpose.

A message names the thing, its value and what would be right. The command line prints it
as it is, without a traceback, and leaves with the error's ``exit_code``.
"""

__all__ = [
    "ConfigError",
    "DeliveryError",
    "ExportError",
    "InputError",
    "LakeError",
    "OutputError",
    "PortabilityError",
    "RuleError",
    "StillhuntError",
]


class StillhuntError(Exception):
    """Something that a person can mend, said in one sentence."""

    exit_code = 3


class ConfigError(StillhuntError):
    """A setting or an option that means nothing, with its file, line and key."""

    exit_code = 2


class RuleError(ConfigError, ValueError):
    """A rule's file that means nothing, with its file, line, key and what was expected."""


class DeliveryError(StillhuntError):
    """An item that could not be delivered or spooled; what was spooled before is whole."""


class InputError(StillhuntError):
    """An input that is missing, unreadable, or of no format that we know."""

    exit_code = 2


class LakeError(StillhuntError):
    """A lake that cannot be read or written; what was committed before is still whole."""


class OutputError(StillhuntError):
    """A report or page that cannot be written; the lake is whole."""


class PortabilityError(StillhuntError):
    """A query that engines would not answer alike, or that one of them has no words for."""

    exit_code = 2


class ExportError(StillhuntError):
    """A rule that a target or a table has no words for; says which, and what it lacks."""

    exit_code = 2
