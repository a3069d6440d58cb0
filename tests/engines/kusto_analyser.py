"""Microsoft's own analyser of KQL, offline: a package of npm, fetched once into a cache folder."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

__all__ = ["analysed", "analyser_folder"]

PACKAGE = "@kusto/language-service-next"
VERSION = "12.4.1"
SCRIPT = Path(__file__).with_name("kusto_analyser.js")
CACHE = Path(os.environ.get("STILLHUNT_CACHE", Path.home() / ".cache" / "stillhunt"))


def analyser_folder() -> Path:
    """Return the folder of the package; skip the test where node or the package is missing."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node and npm on the PATH (Debian: nodejs npm)")
    folder = CACHE / f"kusto-language-service-{VERSION}"
    if not (folder / "package" / "package.json").exists():
        _fetch(folder)
    return folder / "package"


def _fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(
        ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {PACKAGE} {VERSION}: {fetched.stderr.strip()[:200]}")
    with tarfile.open(folder / fetched.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")


def analysed(
    tables: Mapping[str, Mapping[str, str]], queries: Mapping[str, str]
) -> dict[str, list[dict[str, str]]]:
    """Return what the analyser says of each query, given tables as name -> column -> type."""
    asked = {
        "folder": str(analyser_folder()),
        "tables": {name: dict(columns) for name, columns in tables.items()},
        "queries": dict(queries),
    }
    answer = subprocess.run(
        ["node", str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    said: dict[str, list[dict[str, str]]] = json.loads(answer.stdout)
    return said
