"""What `make proof` does about a suite that lacks a program."""

import pytest

from infra.toolchain import suites
from infra.toolchain.children import ChildError


class Machine:
    """Which programs are there, and what installing does."""

    def __init__(self, *programs: str, apt_works: bool = True) -> None:
        self.programs = set(programs)
        self.apt_works = apt_works
        self.installed: list[str] = []

    def which(self, name: str) -> str | None:
        return name if name in self.programs else None

    def install(self, packages: list[str]) -> None:
        self.installed += packages
        if not self.apt_works:
            raise ChildError(["apt-get"], 100, "E: Unable to locate package chromium")
        self.programs |= {"chromium", "chromedriver"}


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch):
    def run(machine: Machine, *, is_root: bool = True, ci: bool = False) -> int:
        monkeypatch.setattr(suites, "install", machine.install)
        return suites.prepare({"CI": "true"} if ci else {}, is_root=is_root, which=machine.which)

    return run


def test_what_is_there_is_left_alone(prepare) -> None:
    machine = Machine("apt-get", "chromium", "chromedriver")
    assert prepare(machine, ci=True) == 0
    assert machine.installed == []


def test_root_on_debian_gets_it(prepare) -> None:
    machine = Machine("apt-get")
    assert prepare(machine, ci=True) == 0
    assert machine.installed == ["chromium", "chromium-driver"]


@pytest.mark.parametrize("machine", [Machine("apt-get"), Machine()], ids=["no root", "no apt"])
def test_elsewhere_the_suite_is_named_with_what_it_lacks(prepare, capsys, machine: Machine) -> None:
    assert prepare(machine, is_root=False) == 0
    assert "suite browser lacks chromium, chromedriver; install" in capsys.readouterr().err
    assert prepare(machine, is_root=False, ci=True) == 1, "in CI nothing is skipped"


def test_a_failed_installation_says_why(prepare, capsys) -> None:
    assert prepare(Machine("apt-get", apt_works=False), ci=True) == 1
    assert "(E: Unable to locate package chromium)" in capsys.readouterr().err
