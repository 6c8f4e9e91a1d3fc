"""Logs are found by the names that people know."""

import os
from pathlib import Path

from infra.cli.logs import available
from infra.local.home import Home


def test_each_name_leads_to_its_newest_log(tmp_path: Path):
    home = Home(tmp_path / ".highway")
    written = (
        "jobs/train-ingest-20260101T000000-aaaaaa.log",
        "jobs/train-ingest-20260102T000000-bbbbbb.log",
        "pulumi/reference-app.log",
        "workloads/reference-app-0123456789.log",
        "workloads/reference-app-abcdef0123.log",
        "workloads/mlflow.log",
        "supervisord.log",
    )
    for age, name in enumerate(written):
        path = home.logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (age, age))
    found = {name: path.relative_to(home.logs).as_posix() for name, path in available(home).items()}
    assert found == {
        "train-ingest": written[1],
        "pulumi-reference-app": written[2],
        "reference-app-0123456789": written[3],
        "reference-app-abcdef0123": written[4],
        "reference-app": written[4],
        "mlflow": written[5],
        "supervisord": written[6],
    }
