"""Every rule that is asked: those that ship with Stillhunt, and those that the settings name."""

from collections.abc import Iterator
from pathlib import Path

from stillhunt.hunt.rule import Rule, load_rules, read_rule
from stillhunt.hunt.rule_place import line_of
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import RuleError
from stillhunt.registry import parts

__all__ = ["all_rules", "rule_file"]

LARGEST = 1_000_000  # bytes; the largest rule that ships is a hundredth of it


def all_rules(settings: HuntSettings) -> tuple[Rule, ...]:
    """Return the shipped rules, then those of ``hunt.rules``, each sorted by name.

    Raises:
        RuleError: A file that is not there or no rule, or a name that is taken.
    """
    rules = load_rules()
    names = {name.casefold(): "detector" for name in parts("stillhunt.hunt.detectors")}
    names |= {rule.name.casefold(): "rule" for rule in rules}
    ids = {rule.uid: rule.name for rule in rules}
    own: dict[str, Rule] = {}
    for path in _paths(settings):
        rule = rule_file(path)
        if taken := names.get(rule.name.casefold()):
            raise RuleError(f"{path}: a {taken} is called {rule.name} already; rename the file")
        if rule.uid in ids:
            line = line_of(path.read_text(encoding="utf-8"), ("id",)) or 1
            raise RuleError(
                f"{path}:{line}: id is {rule.uid}, that of the rule {ids[rule.uid]};"
                " expected one of its own, or none"
            )
        own[rule.name] = rule
        names[rule.name.casefold()] = "rule"
        ids[rule.uid] = rule.name
    return (*rules, *(own[name] for name in sorted(own)))


def _paths(settings: HuntSettings) -> Iterator[Path]:
    for pattern in settings.hunt.rules:
        whole = settings.folder / pattern
        base = Path(whole.anchor)
        found = sorted(base.glob(str(whole.relative_to(base))))
        if not found:
            raise RuleError(f"hunt.rules: no file is there for {pattern!r}")
        yield from found


def rule_file(path: Path) -> Rule:
    """Return the rule in the file *path*, which is called like it.

    Raises:
        RuleError: It cannot be read, or is no rule; says file, line, key and what was expected.
    """
    name = path.name.removesuffix(".toml")
    if not name.isidentifier() or not name.isascii():
        raise RuleError(f"{path}: a rule's file is called like a word, such as my_rule.toml")
    try:
        if path.stat().st_size > LARGEST:
            raise RuleError(f"{path}: larger than a rule can be ({LARGEST:,} bytes)")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: cannot be read: {error}") from error
    return read_rule(name, text, str(path))
