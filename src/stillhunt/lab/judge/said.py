"""What a hunt said: the parts of its report that are judged."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from stillhunt.model.errors import InputError

__all__ = ["AccountSaid", "CampaignSaid", "Said", "read_report"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Severity = Annotated[int, Field(ge=1, le=5)]


class AccountSaid(_Part):
    """One account that the report lists."""

    account_id: str
    severity: Severity
    score: float | None = None
    q_value: Annotated[float, Field(ge=0, le=1)] | None = None
    first_alert_at: AwareDatetime | None = None


class CampaignSaid(_Part):
    """One campaign that the report names."""

    id: str
    severity: Severity
    score: float | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    accounts: tuple[str, ...]
    possible: tuple[str, ...] = ()
    first_alert_at: AwareDatetime | None = None


class Said(_Part):
    """A report, as far as it is judged."""

    schema_: Literal["stillhunt.report/1"] = Field(alias="schema")
    accounts: tuple[AccountSaid, ...]
    campaigns: tuple[CampaignSaid, ...]


def read_report(path: str | Path) -> Said:
    """Read the JSON of a hunt; keys that are not judged may be anything.

    Raises:
        InputError: It cannot be read, is no report, or names an account or campaign twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the report {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8; give the JSON of a hunt") from error
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(f"{path}:{line}: not JSON: {error}; give the JSON of a hunt") from error
    try:
        said = Said.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}; give a stillhunt.report/1") from error
    _refuse_twice(path, "account", [one.account_id for one in said.accounts])
    _refuse_twice(path, "campaign", [one.id for one in said.campaigns])
    return said


def _first(error: ValidationError) -> str:
    """Return where the first mistake is, and what was expected there."""
    found: Any = error.errors(include_url=False)[0]
    place = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in found["loc"])
    shown = f" is {str(found['input'])[:60]!r}" if found["type"] != "missing" else ""
    return f"{place.lstrip('.') or 'the document'}{shown}: {found['msg'].lower()}"


def _refuse_twice(path: str | Path, what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{path}: {what} {name[:60]!r} is listed twice; expected once")
        seen.add(name)
