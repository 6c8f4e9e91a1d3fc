"""Declares the pipelines on the platform, of which it knows nothing but the outputs contract."""

import pulumi

from infra.contracts.names import PROJECT
from infra.contracts.outputs import OUTPUT_NAME, PlatformOutputs
from infra.workloads.resources import PipelineResource
from pipelines.flights.conf import FlightsConf
from pipelines.flights.experiment.conf import ExperimentConf
from pipelines.flights.experiment.pipeline import NAME as EXPERIMENT
from pipelines.flights.experiment.pipeline import experiment_pipeline
from pipelines.flights.pipeline import NAME, training_pipeline


def platform() -> pulumi.Output[PlatformOutputs]:
    """What the platform's stack of the same name promises. `OutputsError` reaches the engine as one line."""
    stack = pulumi.StackReference(f"organization/{PROJECT}/{pulumi.get_stack()}")
    return stack.get_output(OUTPUT_NAME).apply(PlatformOutputs.parse)


def deploy(outputs: pulumi.Output[PlatformOutputs]) -> None:
    """The training pipeline, and the experiment that looks for better settings of it. Parameters are read here, so a
    changed configuration shows in the preview."""
    conf, tried = FlightsConf.from_file(), ExperimentConf.from_file()
    spec = outputs.apply(lambda promised: training_pipeline(conf, promised.registry, promised.storage.data_uri))
    pipeline = PipelineResource(NAME, spec)
    PipelineResource(EXPERIMENT, spec.apply(lambda training: experiment_pipeline(training, tried)))
    pulumi.export("pipeline", pipeline.spec)
