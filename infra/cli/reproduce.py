"""`highway reproduce`: make a past run again from its lineage in a clean folder, and compare digests."""

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.console import Stages, fail, out, stages
from infra.cli.train import CODE, LOCK, PIPELINE, RunBar
from infra.local.home import Home
from infra.local.storage import storage_uri
from infra.operations.pipelines.records import RunRecord, run_records
from infra.operations.reproduction import environment
from infra.operations.reproduction.checkout import NotReproducibleError, check_out, check_sources, clean_folder
from infra.operations.reproduction.replay import Place, Reproduction, judge, plan_of, replay

LATEST = "latest"
BAD_INPUT = 2


def command(
    run: Annotated[str, typer.Argument(help="A run id, a model version of the registry, or `latest`.")],
    pipeline: Annotated[str, typer.Option(help="The pipeline that it is a run of.")] = PIPELINE,
    into: Annotated[Path | None, typer.Option(help="An empty folder to do it in, and to keep.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Make a past run again in a clean folder: exit code 0 if every byte is the same, 1 with what differs."""
    # Whoever ends us politely shall find the clean folder gone and nothing running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = Home.from_environment()
    try:
        uri = storage_uri(home)
        record = find(uri, pipeline, run)
        check_sources(home.repo, record.lineage.commit)
        with clean_folder(home.root / "reproduce", into) as folder, stages() as shown:
            found = reproduce(home, uri, record, Place(folder), shown)
    except NotReproducibleError as error:
        fail(str(error))
        raise typer.Exit(BAD_INPUT) from error
    answer(found, json_output=json_output)


def find(uri: str, pipeline: str, wanted: str) -> RunRecord:
    """Raises `NotReproducibleError` when no run is meant by `wanted`."""
    records = run_records(uri, pipeline)
    if not records:
        raise NotReproducibleError(f"no run of {pipeline} is recorded; run `highway train` first")
    if wanted == LATEST:
        return records[0]
    named = [record for record in records if wanted in (record.run_id, record.result and record.result.version)]
    if not named:
        newest = ", ".join(record.run_id for record in records[:3])
        raise NotReproducibleError(f"no run of {pipeline} is {wanted!r}; the newest are {newest}")
    return named[0]


def reproduce(home: Home, uri: str, record: RunRecord, place: Place, shown: Stages) -> Reproduction:
    """`uri` is where the run is kept. Raises `NotReproducibleError` before anything is made, else `HighwayError`."""
    planned = plan_of(record, uri)
    with shown.stage("sources") as stage:
        check_out(home.repo, place.repo, record.lineage, code=CODE, lock=LOCK, tell=stage.tell)
        stage.finish(f"commit {record.lineage.commit[:12]}")
    with shown.stage("environment") as stage:
        python = environment.build(place.repo, place.home, stage.tell)
        stage.finish("of that commit's own lock")
    with shown.stage("steps") as stage:
        run = replay(planned, place, record, python, RunBar(stage))
        stage.finish(f"{sum(step.is_success for step in run.steps)} of {len(run.steps)} passed")
    with shown.stage("compare") as stage:
        found = judge(record, planned, run, place, storage_uri=uri, bundles=home.bundles)
        stage.finish("every byte is the same" if found.is_same else "not the same")
    return found


def answer(found: Reproduction, *, json_output: bool) -> None:
    """Print it, and end with code 1 unless all is the same."""
    if json_output:
        print(found.model_dump_json())
    else:
        show(found)
    if not found.is_same:
        raise typer.Exit(1)


def show(found: Reproduction) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("artifact", "recorded", "reproduced", ""):
        table.add_column(title, overflow="fold")
    for artifact in found.artifacts:
        made = _short(artifact.reproduced) if artifact.reproduced else "-"
        style = "green" if artifact.is_equal else "red"
        table.add_row(artifact.name, _short(artifact.recorded), made, f"[{style}]{artifact.verdict}[/]")
    out.print(table)
    for artifact in found.artifacts:
        for each in artifact.differences:
            out.print(
                f"  {artifact.name}/{each.file} {each.kind}: {each.detail}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
    for line in found.failures:
        out.print(f"[red]{escape(line)}[/]", highlight=False, soft_wrap=True)
    for name in found.taken:
        out.print(f"{name}: taken as recorded; what it looked at has moved on", highlight=False)
    for name, why in found.left_out.items():
        out.print(f"{name}: left out, {why}", highlight=False, markup=False, soft_wrap=True)
    verdict = "the same bytes" if found.is_same else "NOT the same"
    out.print(
        f"run {found.run_id} of commit {found.commit[:12]}, made again: {verdict}", highlight=False, soft_wrap=True
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
