"""What stands between an engine that moves folders and a command that was promised artifacts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.contracts.artifacts import digest_of_folder
from infra.kubernetes.attempt import Layout

REPO = Path(__file__).parents[3]
COPY = (
    "import os, pathlib, sys; root = pathlib.Path(os.environ['ROOT']); (root / 'outputs/copy/a').mkdir();"
    "(root / 'outputs/copy/a/text').write_text(os.environ['HIGHWAY_INPUT_RAW_DIGEST'])"
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    raw = Layout(tmp_path).input("raw")
    raw.mkdir(parents=True)
    (raw / "text").write_text("raw")
    return Layout(tmp_path)


def start(layout: Layout, code: str, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "infra.kubernetes.attempt", f"--root={layout.root}", *flags, "--"]
    return subprocess.Popen(
        [*command, sys.executable, "-c", code],
        cwd=REPO,
        env={**os.environ, "ROOT": str(layout.root)},
        stderr=subprocess.PIPE,
        text=True,
    )


def attempt(layout: Layout, code: str, *flags: str) -> tuple[int, str]:
    process = start(layout, code, *flags)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def test_a_passed_attempt_publishes_what_it_made_and_lists_its_partitions(layout: Layout):
    assert attempt(layout, COPY, "--input=raw", "--output=copy", "--partitions=copy") == (0, "")
    assert (layout.published("copy") / "a/text").read_text() == digest_of_folder(layout.input("raw"))
    assert json.loads(layout.partitions("copy").read_text()) == ["a"]


def test_a_failed_attempt_publishes_nothing_and_keeps_its_exit_code(layout: Layout):
    assert attempt(layout, COPY + "; sys.exit(3)", "--input=raw", "--output=copy") == (3, "")
    assert not layout.published("copy").exists()


@pytest.mark.parametrize(
    ("code", "flags", "reason"),
    [
        ("", ("--output=copy",), "it wrote nothing to its output copy"),
        (f"{COPY}; os.symlink('/etc/hostname', root / 'outputs/copy/link')", ("--output=copy",), "link is a link"),
        (
            "import os, pathlib; (pathlib.Path(os.environ['ROOT']) / 'outputs/copy/text').write_text('')",
            ("--output=copy", "--partitions=copy"),
            "its output copy has no folder, so there is nothing to map over",
        ),
    ],
    ids=["empty", "link", "no partition"],
)
def test_an_output_that_is_none_fails_the_attempt(layout: Layout, code: str, flags: tuple[str, ...], reason: str):
    exit_code, said = attempt(layout, code, "--input=raw", *flags)
    assert exit_code == 1
    assert reason in said
    assert "Traceback" not in said
    assert not layout.published("copy").exists()


def test_a_command_that_is_not_there_is_one_line(layout: Layout):
    command = [sys.executable, "-m", "infra.kubernetes.attempt", f"--root={layout.root}", "--", "no-such-command"]
    ended = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (127, "no-such-command: No such file or directory\n")


def test_who_is_told_to_end_tells_the_command(layout: Layout):
    process = start(layout, f"{COPY}; import time; time.sleep(60)", "--input=raw", "--output=copy")
    deadline = time.monotonic() + 30
    while not (layout.output("copy") / "a/text").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert not layout.published("copy").exists()
