"""The pipelines' program under Pulumi's own test engine."""

import asyncio
import json
from typing import Any

import pulumi
import pytest

from infra.contracts.outputs import OutputsError, PlatformOutputs
from infra.contracts.workload import Pipeline
from tests.support.platform_outputs import PLATFORM


class Engine(pulumi.runtime.Mocks):
    """Keeps what is registered, and answers the reference to the platform's stack."""

    def __init__(self) -> None:
        self.registered: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered[args.typ, args.name] = args.inputs
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.name, "outputs": {"platform": PLATFORM}}
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None


@pytest.fixture(scope="module")
def event_loop() -> asyncio.AbstractEventLoop:
    """A current one, which Pulumi's test engine wants: a test before this one may have closed its own.

    It is left open: Pulumi's mocks open loops in its worker threads, and closing it would end those threads and
    report their loops as leaks."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


@pytest.fixture
def engine(event_loop: asyncio.AbstractEventLoop) -> Engine:
    mocks = Engine()
    pulumi.runtime.set_mocks(mocks, project="highway-pipelines", stack="local")
    return mocks


def test_the_training_pipeline_is_declared_on_the_platform_of_the_same_stack(engine: Engine) -> None:
    @pulumi.runtime.test
    def program() -> None:
        from pipelines.program import deploy, platform  # noqa: PLC0415 - after the mocks are set

        deploy(platform())

    program()
    assert ("pulumi:pulumi:StackReference", "organization/digital-highway/local") in engine.registered
    assert ("highway:workloads:Pipeline", "train") in engine.registered
    declared = engine.registered["highway:local:ConfigFile", "train"]
    spec = Pipeline.model_validate_json(declared["content"])
    assert declared["path"] == "pipelines/train.json"
    assert [step.name for step in spec.steps] == [
        "discover", "ingest", "validate", "features", "train", "champion", "evaluate", "gate", "register",
    ]  # fmt: skip
    assert spec.steps[-1].environment["HIGHWAY_REGISTRY_URL"] == PLATFORM["registry"]["tracking_url"]
    assert json.loads(spec.parameters["FLIGHTS_CONF"])["holdout_month"] == "2013-09"
    experiment = Pipeline.model_validate_json(engine.registered["highway:local:ConfigFile", "experiment"]["content"])
    assert [step.name for step in experiment.steps][-3:] == ["plan", "trial", "report"]
    assert experiment.parameters == spec.parameters


def test_an_older_platform_is_refused_in_one_line() -> None:
    with pytest.raises(OutputsError, match=r"outputs contract 1\.0 or a newer 1\.x"):
        PlatformOutputs.parse({**PLATFORM, "contract_version": "0.9"})
