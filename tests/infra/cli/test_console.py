"""What is told to people is text: brackets in a reason are no markup."""

import io

import pytest
from rich.console import Console

from infra.cli import console


def test_brackets_in_what_is_told_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=shown, force_terminal=True, width=200))
    with console.stages() as stages, stages.stage("release") as stage:
        stage.tell("trying [/usr/bin/app]")
        stage.finish("rolled back: no [/usr/bin/app]")
    assert "no [/usr/bin/app]" in shown.getvalue()
