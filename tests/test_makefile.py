"""The Makefile in a folder whose name has a space: what it removes is its own."""

import shutil
import subprocess
from pathlib import Path

REPO = Path(__file__).parents[1]


def test_clean_removes_its_own_folder_and_no_other(tmp_path: Path):
    clone = tmp_path / "my clone"
    (clone / ".highway").mkdir(parents=True)
    (tmp_path / "my").mkdir()
    shutil.copy(REPO / "Makefile", clone)
    subprocess.run(["make", "clean", "HIGHWAY_HOME="], cwd=clone, check=True, capture_output=True)
    assert not (clone / ".highway").exists()
    assert (tmp_path / "my").is_dir()
