import pytest

from infra.toolchain.errors import ToolchainError
from infra.toolchain.platforms import DARWIN_ARM64, LINUX_AMD64, LINUX_ARM64, Platform, current


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", LINUX_AMD64),
        ("Linux", "aarch64", LINUX_ARM64),
        ("Darwin", "arm64", DARWIN_ARM64),
    ],
)
def test_a_supported_machine_is_known(system: str, machine: str, expected: Platform) -> None:
    assert current(system, machine) == expected


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "x86_64"), ("Linux", "riscv64"), ("Windows", "AMD64")])
def test_any_other_is_refused_with_those_that_do(system: str, machine: str) -> None:
    with pytest.raises(ToolchainError, match=rf"{machine}.*use one of linux-amd64, linux-arm64, darwin-arm64"):
        current(system, machine)
