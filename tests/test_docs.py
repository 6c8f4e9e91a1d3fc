"""What the documents say is there, is there."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.app import app
from infra.config import StackConfig

REPO = Path(__file__).parents[1]
DOCUMENTS = sorted([*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#]+)\)")
HIGHWAY = re.compile(r"^(?:\.highway/venv/bin/)?highway ([a-z]+)((?: --[a-z-]+)*)", re.M)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_every_link_between_documents_leads_somewhere(document: Path):
    for target in LINK.findall(document.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_highway_command_of_the_readme_exists_with_its_options():
    used = HIGHWAY.findall((REPO / "README.md").read_text())
    assert len(used) >= 4
    for verb, options in used:
        shown = CliRunner().invoke(app, [verb, "--help"], terminal_width=200)
        assert shown.exit_code == 0, verb
        for option in options.split():
            assert option in shown.output, f"highway {verb} has no {option}"


def test_every_make_target_of_the_documents_exists():
    targets = set(re.findall(r"^([a-z]+):", (REPO / "Makefile").read_text(), re.M))
    for document in DOCUMENTS:
        used = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(), re.M))
        assert used <= targets, document


def test_every_folder_of_the_readme_exists():
    for folder in re.findall(r"^\| `([a-z-]+)/` \|", (REPO / "README.md").read_text(), re.M):
        assert (REPO / folder).is_dir(), folder


def test_every_setting_of_the_stack_is_documented():
    documented = (REPO / "docs" / "settings.md").read_text()
    for name, field in StackConfig.model_fields.items():
        assert f"`{name}`" in documented
        assert field.description
        assert field.description in documented


def test_a_decision_has_a_date_in_its_name():
    for path in (REPO / "docs" / "adr").iterdir():
        assert re.fullmatch(r"\d{8}-[a-z0-9-]+\.md", path.name)
