"""Without node the analyser's tests are skipped and say why; CI installs what they need."""

from pathlib import Path

import pytest
from kusto_analyser import analysed

RUN = Path(__file__).parents[2] / ".ci" / "run"


@pytest.mark.parametrize("there", [(), ("node",), ("npm",)])
def test_without_node_or_npm_a_test_is_skipped_and_says_what_is_missing(
    there: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="no node and npm on the PATH"):
        analysed({}, {"q": "T"})


@pytest.mark.parametrize("program", ["nginx", "chromium", "rsyslogd", "java", "node", "npm"])
def test_what_integration_tests_start_is_installed_only_where_it_is_missing(program: str) -> None:
    text = RUN.read_text(encoding="utf-8")
    assert f"\n    want {program} " in text
    assert "apt-get install -y -qq --no-install-recommends $missing" in text
