"""The documentation tells the truth: pages are fresh, links lead somewhere, code runs.

Every ```python block of a page runs in one namespace, every ``stillhunt`` line of a ```sh
block as a command, all in a folder that holds what a reader would have: ``exchanges.jsonl``
with its ``accounts.jsonl`` and ``events.jsonl``, and ``access.log``.
"""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from stillhunt.lab.simulate import simulate

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == language]


@pytest.fixture(scope="session")
def _reader_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what a reader would have, once."""
    folder = tmp_path_factory.mktemp("reader")
    simulate(folder / "made", size="small", accounts=40, days=1, seed=7, base_rate=0.03)
    for name in ("exchanges.jsonl", "accounts.jsonl", "events.jsonl"):
        shutil.move(folder / "made" / name, folder / name)
    shutil.rmtree(folder / "made")
    lines = [
        f"192.0.2.{i % 7} - - [12/Oct/2026:0{i // 150}:{i // 50 % 60:02d}:{i % 50:02d} +0000] "
        f'"POST /v1/chat/completions HTTP/1.1" 200 {900 + i} "-" "openai-python/1.40.0"'
        for i in range(600)
    ]
    (folder / "access.log").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def reader_folder(_reader_files: Path, tmp_path: Path) -> Path:
    shutil.copytree(_reader_files, tmp_path, dirs_exist_ok=True)
    return tmp_path


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_generated_page_is_stale() -> None:
    assert generator().stale() == []


@pytest.mark.parametrize("page", [p for p in WRITTEN if blocks(p, "python")], ids=lambda p: p.stem)
def test_python_in_the_documentation_runs(page: Path, reader_folder: Path) -> None:
    code = "\n".join(blocks(page, "python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=reader_folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [p for p in WRITTEN if blocks(p, "sh")], ids=lambda p: p.stem)
def test_commands_in_the_documentation_run(page: Path, reader_folder: Path) -> None:
    ran = 0
    for line in "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["stillhunt"]:
            continue
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=reader_folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode in {0, 1}, f"{line}\n{done.stderr}"
        ran += 1
    assert ran or page.name in {"README.md", "benchmarks.md", "honest.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [t for t in targets if "://" not in t and not t.startswith("mailto:")]
    missing = [t for t in local if not (page.parent / t).exists()]
    assert missing == []


def test_every_page_stands_in_the_navigation() -> None:
    nav = (ROOT / "zensical.toml").read_text("utf-8")
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    absent = {p for p in pages if f'"{p}"' not in nav and not re.match(r"decisions/\d", p)}
    assert absent == set()


def test_every_decision_stands_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text("utf-8")
    assert [p.name for p in folder.glob("0*.md") if f"({p.name})" not in index] == []


def test_the_nginx_page_shows_the_snippet_that_the_integration_test_runs() -> None:
    (shown,) = blocks(ROOT / "docs" / "logs" / "nginx.md", "nginx")
    assert shown == (ROOT / "docs" / "snippets" / "nginx_json.conf").read_text("utf-8")


def test_files_that_the_guide_for_contributors_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:src|tests|docs|benchmarks)/[\w/.]+)`", text))
    assert len(named) >= 10
    assert [one for one in sorted(named) if "NAME" not in one and not (ROOT / one).exists()] == []
