"""The outputs contract is versioned: an older or poorer platform is refused in one line."""

import pytest

from infra.contracts.outputs import OutputsError, PlatformOutputs
from tests.support.platform_outputs import PLATFORM


def test_what_the_platform_writes_is_what_a_program_reads():
    parsed = PlatformOutputs.parse(PLATFORM)
    assert PlatformOutputs.parse(parsed.model_dump()) == parsed


def test_a_newer_minor_version_with_more_fields_is_read():
    assert PlatformOutputs.parse({**PLATFORM, "contract_version": "1.7", "edge": {"dns": "x"}}).substrate == "local"


@pytest.mark.parametrize("version", ["0.9", "2.0", "", "one", "1"])
def test_another_major_version_is_refused_with_the_version_that_is_needed(version: str):
    with pytest.raises(OutputsError, match=r"must offer outputs contract 1\.0 or a newer 1\.x"):
        PlatformOutputs.parse({**PLATFORM, "contract_version": version})


def test_a_missing_output_is_named():
    poorer = {**PLATFORM, "storage": {key: value for key, value in PLATFORM["storage"].items() if key != "data_uri"}}
    with pytest.raises(OutputsError, match=r"lack storage\.data_uri"):
        PlatformOutputs.parse(poorer)


def test_a_stack_without_the_output_is_refused():
    with pytest.raises(OutputsError, match="run `highway up`"):
        PlatformOutputs.parse(None)
