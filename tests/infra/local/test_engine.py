"""The engine of one home: whose settings it touches, and which it keeps."""

from infra.cli.release import declare
from infra.local.engine import Engine

FIRST = {"model_version": "1", "app_digest": "a"}


def test_settings_that_a_person_wrote_into_the_source_tree_are_kept(engine: Engine):
    stray = engine.home.repo / "Pulumi.local.yaml"
    stray.write_text("encryptionsalt: v1:abc\n")
    engine.ensure_stack()
    assert not stray.exists()
    stray.write_text("encryptionsalt: v1:abc\nconfig:\n  fixture:owner: me\n")
    engine.ensure_stack()
    assert "owner: me" in stray.read_text()


def test_a_release_of_other_code_does_not_keep_the_commit_of_the_one_before(engine: Engine):
    assert declare(engine, FIRST, "c0ffee0")
    assert not declare(engine, FIRST, None)
    assert declare(engine, FIRST | {"model_version": "2"}, None)
    assert engine.config()["commit"] == "c0ffee0", "the code is still of that commit"
    assert declare(engine, FIRST | {"app_digest": "b"}, None)
    assert "commit" not in engine.config()
    assert engine.config()["app_digest"] == "b"
