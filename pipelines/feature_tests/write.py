"""From a notebook to the file of a test."""

from pathlib import Path

from pipelines import explore
from pipelines.feature_tests import rows
from pipelines.feature_tests.notebook import FeatureError, check, load, name_of, source_of
from pipelines.feature_tests.text import render
from pipelines.flights.columns import LABEL

TESTS = Path("tests/pipelines/flights/features")
SAMPLE_ROWS = 2000
SEED = 2013


def write_test(notebook: Path, *, replace: bool) -> Path:
    """The test, relative to the repo. Raises `FeatureError`, also when it is there and is not to be replaced."""
    source = source_of(notebook)
    name = name_of(source)
    path = TESTS / f"test_{name}.py"
    if (explore.REPO / path).exists() and not replace:
        raise FeatureError(f"{path} is there already; add --replace to write it anew")
    run = explore.latest()
    # Not the label: what is known only after the flight is no feature of it.
    known = run.flights(run.conf.training_months()).drop(LABEL)
    feature, sample = load(source, name), known.sample(SAMPLE_ROWS, seed=SEED)
    check(feature, name, sample)
    columns = rows.columns_used(feature, sample)
    if not columns:
        raise FeatureError(f"{name} gives the same whatever the row holds; that is no feature")
    golden = rows.choose(known, columns, seed=SEED)
    text = render(name=name, notebook=notebook.name, run_id=run.run_id, rows=golden, values=feature(golden))
    (explore.REPO / path).parent.mkdir(parents=True, exist_ok=True)
    (explore.REPO / path).write_text(text)
    return path
