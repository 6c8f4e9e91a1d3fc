"""Logs are bounded and name the step that failed."""

from infra.operations.runner import run_log


def test_the_first_failed_step_is_named(tmp_path):
    lines = [
        "[ci/check]   | fine\n",
        "[ci/check]   ❌  Failure - Main unit tests [1.96237ms]\n",
        "[ci/check]   ❌  Failure - Main later [12.5s]\n",
    ]
    assert run_log.write_log((line.encode() for line in lines), tmp_path / "log") == "ci/check: unit tests"
    assert (tmp_path / "log").read_text() == "".join(lines)


def test_a_run_that_prints_without_end_keeps_its_beginning_and_its_end(tmp_path):
    count = 200_000
    lines = (b"%08d %s\n" % (number, b"x" * 100) for number in range(count))
    assert run_log.write_log(lines, tmp_path / "log") is None
    kept = (tmp_path / "log").read_bytes()
    assert len(kept) < run_log.HEAD_BYTES + 100_000
    assert kept.startswith(b"00000000 ")
    assert b"%08d" % (count - 1) in kept
    assert b"lines are left out" in kept


def test_a_failure_after_the_cut_is_seen(tmp_path):
    def lines():
        yield b"x" * run_log.HEAD_BYTES
        yield "\n[ci/check]   ❌  Failure - Main late\n".encode()[1:]

    assert run_log.write_log(lines(), tmp_path / "log") == "ci/check: late"


def test_only_the_newest_logs_stay(tmp_path):
    for number in range(run_log.KEPT_RUNS + 5):
        (tmp_path / f"{number}.log").touch()
    run_log.forget_old_logs(tmp_path)
    assert len(list(tmp_path.iterdir())) == run_log.KEPT_RUNS
