"""What the contract refuses, each with its fix."""

import pytest
from pydantic import ValidationError

from infra.contracts.workload import Job, Pipeline, Service

SAID = {"name": "x", "owner": "platform team", "data_classification": "internal"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (lambda: Job(**SAID, command=("echo", "$(WHO)")), r"\$\(WHO\), which is neither .* write \$\$\(WHO\)"),
        (lambda: Job(**SAID, command=("serve", "$(PORT)")), "give the service a port"),
        (lambda: Service(**SAID, command=("serve", "$(PORT)")), "give the service a port"),
        (lambda: Service(**SAID, command=("serve",), environment={"PORT": "80"}), "PORT: given by the substrate"),
        (lambda: Job(**SAID, command=("x",), environment={"A": "1"}, secrets={"A": "s"}), "A: in environment and in"),
        (lambda: Job(**{**SAID, "name": "a" * 53}, command=("x",), schedule="0 3 * * *"), "at most 52 characters"),
        (
            lambda: Pipeline(**{**SAID, "name": "a" * 53}, steps=({**SAID, "command": ("x",)},), schedule="0 3 * * *"),
            "at most 52 characters",
        ),
        (lambda: Service(**SAID, command=("x",), readiness={"path": "/"}), "need a port"),
    ],
)
def test_a_spec_that_cannot_mean_the_same_everywhere_is_refused(spec, message):
    with pytest.raises(ValidationError, match=message):
        spec()


def test_what_is_no_variable_is_left_to_the_command():
    Job(**SAID, command=("sh", "-c", "echo $(date) $$(WHO) $HOME"))
    Service(**SAID, port=8080, command=("serve", "$(HOST):$(PORT)"))
