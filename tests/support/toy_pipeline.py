"""Pipelines of tiny steps that write down that they ran."""

from pathlib import Path

from infra.contracts.workload import DataClassification, Pipeline, Step
from infra.operations.pipelines.lineage import Lineage

LINEAGE = Lineage(commit="c0ffee", code_digest="code-1", lock_digest="lock-1")

# Appends the step's name (and partition) to the journal, then writes what it read, and its name, to each output.
SCRIPT = """
import os, pathlib, sys, urllib.parse
name, inputs, outputs, *extra = sys.argv[1:]
partition = os.environ.get("HIGHWAY_PARTITION")
folder = lambda kind, artifact: pathlib.Path(
    urllib.parse.unquote(urllib.parse.urlsplit(os.environ[f"HIGHWAY_{kind}_{artifact.upper()}"]).path))
with open(os.environ["JOURNAL"], "a") as journal:
    journal.write(name + (f"[{partition}]" if partition else "") + "\\n")
text = "".join((folder("INPUT", artifact) / "text").read_text() for artifact in inputs.split())
exec("\\n".join(extra))
for artifact in outputs.split():
    (folder("OUTPUT", artifact) / "text").write_text(text + name + "\\n")
"""


def step(
    name: str,
    *,
    needs: tuple[str, ...] = (),
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    code: str = "",
    retries: int = 0,
    timeout_seconds: int = 60,
    map_over: str | None = None,
    is_volatile: bool = False,
) -> Step:
    """`code` is Python that runs before the outputs are written."""
    return Step(
        name=name,
        owner="tests",
        data_classification=DataClassification.PUBLIC,
        command=("python", "-Sc", SCRIPT, name, " ".join(inputs), " ".join(outputs), code),
        needs=needs,
        inputs=inputs,
        outputs=outputs,
        retries=retries,
        timeout_seconds=timeout_seconds,
        map_over=map_over,
        is_volatile=is_volatile,
    )


def pipeline(*steps: Step, journal: Path, name: str = "toy") -> Pipeline:
    return Pipeline(
        name=name,
        owner="tests",
        data_classification=DataClassification.PUBLIC,
        steps=steps,
        parameters={"JOURNAL": str(journal)},
    )


def chain(journal: Path, **code: str) -> Pipeline:
    """first -> second -> third, each reading what the one before it made; `code` by step name."""
    return pipeline(
        step("first", outputs=("a",), code=code.get("first", "")),
        step("second", needs=("first",), inputs=("a",), outputs=("b",), code=code.get("second", "")),
        step("third", needs=("second",), inputs=("b",), outputs=("c",), code=code.get("third", "")),
        journal=journal,
    )


# Code of a step that splits: a folder of its output `parts` for each word of the file `words`.
SPLIT = """
for word in pathlib.Path({words!r}).read_text().split():
    place = folder("OUTPUT", "parts") / word
    place.mkdir()
    (place / "text").write_text(word + "\\n")
"""


def mapping(journal: Path, *, each: str = "", **more: int) -> Pipeline:
    """split -> each (of every word in `journal`'s neighbour `words`) -> whole, which is told their names."""
    whole = "text = ' '.join(sorted(path.name for path in folder('INPUT', 'made').iterdir())) + '\\n'"
    split = SPLIT.format(words=str(journal.with_name("words")))
    return pipeline(
        step("split", outputs=("parts",), code=split, is_volatile=True),
        step("each", needs=("split",), inputs=("parts",), outputs=("made",), code=each, map_over="parts", **more),
        step("whole", needs=("each",), outputs=("w",)).model_copy(
            update={"inputs": ("made",), "command": ("python", "-Sc", SCRIPT, "whole", "", "w", whole)}
        ),
        journal=journal,
    )
