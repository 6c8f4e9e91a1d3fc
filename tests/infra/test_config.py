"""A bad stack configuration is told whole, before anything is made."""

import pytest

from infra.config import ConfigurationError, StackConfig, project_values


def test_an_empty_configuration_is_the_default():
    assert StackConfig.parse({}) == StackConfig()


def test_text_values_become_what_the_fields_are():
    assert StackConfig.parse({"gateway_port": "8080"}).gateway_port == 8080


def test_every_problem_is_listed_at_once_with_key_and_what_is_allowed():
    with pytest.raises(ConfigurationError) as raised:
        StackConfig.parse({"gatway_port": "8080", "cockpit_port": "99999", "metrics_retention_days": "soon"})
    told = str(raised.value)
    assert "3 problem(s)" in told
    assert "gatway_port: unknown key; the keys are substrate, owner, gateway_port" in told
    assert "cockpit_port: '99999' is not allowed: Input should be less than or equal to 65535" in told
    assert "metrics_retention_days: 'soon' is not allowed: Input should be a valid integer" in told


def test_other_projects_keys_are_not_ours():
    raw = {"digital-highway:owner": "a", "highway-pipelines:owner": "b"}
    assert project_values(raw, "digital-highway") == {"owner": "a"}
