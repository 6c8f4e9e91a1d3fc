"""The kubelet's own cases, from kubernetes third_party/forked/golang/expansion/expand_test.go, in our words."""

import pytest

from infra.contracts.expansion import expand, references

VALUES = {"A": "1", "PATH_OF_B": "/b", "NESTED": "$(A)", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("--x=$(A)$(PATH_OF_B)!", "--x=1/b!"),
        ("$(EMPTY)|", "|"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("a$$b$", "a$b$"),
        ("$A ${A} $(A", "$A ${A} $(A"),
        ("$(UNKNOWN) $() $(two words)", "$(UNKNOWN) $() $(two words)"),
        ("$(NESTED)", "$(A)"),
        ("($(A))", "(1)"),
    ],
)
def test_a_text_is_read_once_from_left_to_right(text, expected):
    assert expand(text, VALUES) == expected


def test_an_escaped_reference_is_none():
    assert list(references("$(A) $$(B) $$$(C) $(d e)")) == ["A", "C", "d e"]
