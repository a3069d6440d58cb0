"""What commands are told: settings, pairs, a lake; mistakes show before any work."""

from pathlib import Path
from typing import TYPE_CHECKING

from stillhunt.model.errors import ConfigError

if TYPE_CHECKING:
    from stillhunt.hunt.lake.store import Lake
    from stillhunt.hunt.rule import Rule

__all__ = ["check_settings", "open_lake", "pairs", "rules_of"]


def rules_of(config: Path | None) -> "tuple[Rule, ...]":
    """Return the rules that ship with Stillhunt and those that the settings name."""
    from stillhunt.hunt.rule_files import all_rules
    from stillhunt.hunt.settings import read_settings

    return all_rules(read_settings(config))


def check_settings(config: Path | None) -> None:
    """Refuse a settings file with a mistake, also where nothing of it is needed."""
    if config is not None:
        from stillhunt.desk.settings import read_settings

        read_settings(config)


def pairs(sets: list[str] | None) -> dict[str, str]:
    """Split NAME=VALUE; the names are checked where the parameters are known."""
    pairs = {}
    for one in sets or ():
        name, sign, value = one.partition("=")
        if not sign or not name.strip():
            raise ConfigError(f"--set {one!r}: expected NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def open_lake(path: Path) -> "Lake":
    """Return the lake at *path*; LakeError if there is none."""
    from stillhunt.hunt.lake.store import Lake

    return Lake.open(path)
