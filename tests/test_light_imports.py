"""What must stay light stays light, measured where it counts: in a fresh process."""

import json
import subprocess
import sys

import pytest

HEAVY = {"duckdb", "sqlglot", "pyarrow", "numba", "torch", "sqlalchemy", "pandas", "numpy"}


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "code",
    [
        "import stillhunt",
        "import stillhunt.cli",
        "import stillhunt; stillhunt.hunt",
        "import stillhunt.model.exchange, stillhunt.model.finding, stillhunt.model.errors",
        "import stillhunt.registry",
        "import stillhunt.desk.settings, stillhunt.desk.courier",
    ],
)
def test_importing_it_loads_nothing_heavy(code: str) -> None:
    assert not loaded_after(code) & HEAVY


def test_settings_load_pydantic_and_no_engine() -> None:
    assert loaded_after("import stillhunt.settings") & (HEAVY - {"numpy"}) == set()


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import stillhunt  # noqa: PLC0415

    with pytest.raises(AttributeError, match="no attribute 'hurt'"):
        stillhunt.hurt  # noqa: B018
