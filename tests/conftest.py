"""What every test run does first."""

from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir

# Nothing is written outside .highway/.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".highway" / "cache" / "hypothesis")
