"""A finding as the mapping that a sink was told to send."""

from typing import Any

from stillhunt.desk.ocsf import detection_finding
from stillhunt.desk.sink import Format
from stillhunt.desk.wording import as_line
from stillhunt.model.finding import Finding

__all__ = ["rendered"]


def rendered(finding: Finding, form: Format, *, update: bool = False) -> dict[str, Any]:
    """Return *finding* in *form*; see ``stillhunt.desk.sink.Format``."""
    return detection_finding(finding, update=update) if form == "ocsf" else as_line(finding)
