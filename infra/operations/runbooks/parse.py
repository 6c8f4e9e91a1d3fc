"""Reading a runbook: front matter, sections in their order, and the blocks that can be run.

A block is fenced as ```` ```bash {step=age expect='a regular expression'} ````. `expect` must be found in what the
block prints; `changes` says what it alters and `undo` how to go back, and a block that changes nothing has neither.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.errors import HighwayError

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Afterwards")
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
BLOCK = re.compile(r"^```bash \{(?P<attributes>[^\n]*)\}\n(?P<script>.*?)^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


class RunbookError(HighwayError):
    """A runbook is not what it must be, or a step cannot be run; one line with what to change."""


class Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    section: str
    step: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    script: str
    expect: str | None = Field(default=None, description="regular expression that the output must contain")
    changes: str | None = Field(default=None, description="what the block alters")
    undo: str | None = Field(default=None, description="how to take the change back")


class FrontMatter(BaseModel):
    """`slo` is null where none is promised yet. `needs` are the variables that the blocks use, beside the
    highway's own environment; alert labels come in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: str
    severity: str
    owner: str
    slo: str | None
    needs: tuple[str, ...]


class Runbook(BaseModel):
    model_config = ConfigDict(frozen=True)

    front_matter: FrontMatter
    sections: dict[str, str]
    blocks: tuple[Block, ...]

    def block(self, step: str) -> Block:
        """Raises `RunbookError`."""
        for block in self.blocks:
            if block.step == step:
                return block
        known = ", ".join(block.step for block in self.blocks)
        raise RunbookError(f"runbook {self.front_matter.alert} has no step {step!r}; it has {known}")

    def blocks_of(self, section: str) -> list[Block]:
        return [block for block in self.blocks if block.section == section]


def read_runbook(path: Path) -> Runbook:
    """Raises `RunbookError`, also when its name and its alert differ."""
    try:
        runbook = parse_runbook(path.read_text())
    except (OSError, RunbookError) as error:
        raise RunbookError(f"{path}: {error}") from error
    if runbook.front_matter.alert != path.stem:
        raise RunbookError(f"{path}: it is for alert {runbook.front_matter.alert}; name the file like the alert")
    return runbook


def parse_runbook(text: str) -> Runbook:
    """Raises `RunbookError`."""
    matter = FRONT_MATTER.match(text)
    if not matter:
        raise RunbookError("begin with front matter between two lines of ---")
    try:
        front_matter = FrontMatter.model_validate(yaml.safe_load(matter[1]))
        sections = dict(_sections(text[matter.end() :]))
        blocks = tuple(block for name, body in sections.items() for block in _blocks(name, body))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise RunbookError(problems) from error
    if tuple(sections) != SECTIONS:
        raise RunbookError(f"sections are {list(sections)}: write {', '.join(SECTIONS)}, in this order")
    steps = [block.step for block in blocks]
    if len(set(steps)) != len(steps):
        raise RunbookError(f"steps repeat: {steps}")
    for block in blocks:
        if (block.changes is None) != (block.undo is None):
            raise RunbookError(f"step {block.step}: a block that changes something says both `changes` and `undo`")
    return Runbook(front_matter=front_matter, sections=sections, blocks=blocks)


def _sections(body: str) -> Iterator[tuple[str, str]]:
    parts = HEADING.split(body)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def _blocks(section: str, body: str) -> Iterator[Block]:
    for match in BLOCK.finditer(body):
        attributes: dict[str, Any] = {}
        for word in shlex.split(match["attributes"]):
            key, equals, value = word.partition("=")
            if not equals or key in attributes:
                raise RunbookError(f"block attribute {word!r}: write key=value once, with quotes around spaces")
            attributes[key] = value
        yield Block(section=section, script=match["script"], **attributes)
