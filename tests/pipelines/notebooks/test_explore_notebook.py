"""The notebook runs from its first cell to its last on a real run, and measures what the run measured."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from infra.contracts.pipelines import DATA_VARIABLE
from tests.support.recorded import RecordedClone
from tests.support.service import BYTE_CODE, REPO

NOTEBOOK = REPO / "pipelines" / "notebooks" / "explore.ipynb"


def test_the_notebook_is_committed_without_what_it_printed() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.proof
def test_the_notebook_measures_what_the_run_measured(
    recorded: RecordedClone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        **BYTE_CODE,
        DATA_VARIABLE: recorded.home.storage.as_uri(),
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(REPO)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    latest = recorded.runs[-1]
    assert latest.result
    assert f"run {latest.run_id} of commit {latest.lineage.commit[:12]}" in printed
    assert f"AUC {latest.result.metrics['auc']:.4f} on 27,010 flights, as the run says" in printed
    assert "from_f" in printed, "the feature was used"


@pytest.mark.proof
def test_a_feature_found_in_the_notebook_is_red_until_the_step_has_it(recorded: RecordedClone) -> None:
    test = recorded.copy.path / "tests" / "pipelines" / "flights" / "features" / "test_wind_chill_f.py"
    step = recorded.copy.path / "pipelines" / "flights" / "data" / "features.py"
    before = step.read_text()
    try:
        wrote = recorded.highway("feature", str(NOTEBOOK))
        assert wrote.returncode == 0, wrote.stderr
        assert run_test(recorded.copy.path, test) == (1, "has no function wind_chill_f yet")
        step.write_text(before + "\n\n" + feature_cell().replace("<= 50", "<= 40"))
        assert run_test(recorded.copy.path, test) == (1, "Series are different")
        step.write_text(before + "\n\n" + feature_cell())
        assert run_test(recorded.copy.path, test) == (0, "1 passed")
        again = recorded.highway("feature", str(NOTEBOOK))
        assert (again.returncode, "is there already; add --replace" in again.stderr) == (1, True)
        written = test.read_text()
        assert recorded.highway("feature", str(NOTEBOOK), "--replace").returncode == 0
        assert test.read_text() == written, "the same run and seed give the same rows"
        assert_clean(test)
    finally:
        step.write_text(before)
        test.unlink(missing_ok=True)


def feature_cell() -> str:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    return next(str(cell.source) for cell in cells if "feature" in cell.metadata.get("tags", [])) + "\n"


def run_test(repo: Path, test: Path) -> tuple[int, str]:
    """Exit code of pytest, and which of the known things it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--confcutdir", str(test.parent), str(test)],
        cwd=repo, capture_output=True, text=True, check=False,
    )  # fmt: skip
    # In this order: whatever fails, pytest shows the line with the second of them.
    known = ("Series are different", "has no function wind_chill_f yet", "1 passed")
    return ran.returncode, next((words for words in known if words in ran.stdout), ran.stdout + ran.stderr)


def assert_clean(file: Path) -> None:
    """It is a file to commit: as the formatter would write it, and nothing for the linter to say."""
    for words in (("check",), ("format", "--check")):
        ran = subprocess.run(
            [Path(sys.executable).with_name("ruff"), *words, "--no-cache", "--config", REPO / "pyproject.toml", file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout
