"""The split file: what it says, and that the share of random UUIDs below a threshold is the weight."""

import random
import re
import uuid
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.local.split import FILE_NAME, LINE, Split, Weights, threshold

A, B = "127.0.0.1:9001", "127.0.0.1:9002"


@given(st.integers(0, 100))
def test_the_share_of_all_uuids_below_the_threshold_is_the_weight(weight):
    text = threshold(weight)
    if weight == 100:
        share = Fraction(1)
        assert str(uuid.UUID(int=2**128 - 1)) < text
    else:
        # The eight digits are the first 32 bits, all of them random; a UUID that begins with exactly the
        # threshold is longer than it and so not below it.
        share = Fraction(int(text, 16), 2**32)
        assert not str(uuid.UUID(int=int(text, 16) << 96)) < text
    assert abs(share - Fraction(weight, 100)) <= Fraction(1, 2**33)


@given(st.uuids(version=4))
def test_no_uuid_is_below_zero_percent_and_every_one_is_below_a_hundred(request_id):
    assert not str(request_id) < threshold(0)
    assert str(request_id) < threshold(100)


def test_a_quarter_of_random_uuids_is_below_25_percent():
    source = random.Random(7)
    ids = [str(uuid.UUID(int=source.getrandbits(128), version=4)) for _ in range(40_000)]
    below = sum(one < threshold(25) for one in ids)
    assert abs(below - 10_000) < 5 * (40_000 * 0.25 * 0.75) ** 0.5


@given(st.integers(0, 100))
def test_what_is_set_is_read(tmp_path_factory, weight):
    split = Split(tmp_path_factory.mktemp("split"))
    split.set(A, B, weight)
    assert split.read() == Weights(stable=A, candidate=B, weight_percent=weight)
    split.set(A)
    assert split.read() == Weights(stable=A)


def test_the_whole_split_is_one_line_of_one_file(tmp_path):
    Split(tmp_path).set(A, B, 25)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    line = (tmp_path / FILE_NAME).read_text()
    assert line == f"25 40000000 {A} {B}\n"
    assert re.match(LINE, line)


def test_the_same_split_again_writes_nothing(tmp_path):
    split = Split(tmp_path)
    split.set(A, B, 25)
    before = (tmp_path / FILE_NAME).stat()
    split.set(A, B, 25)
    assert (tmp_path / FILE_NAME).stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "damage",
    ["", "25 40000000", "hello\n", f"x 40000000 {A} {B}\n", f"250 40000000 {A} {B}\n", f"0 00000000 {A} -\nmore"],
)
def test_a_damaged_file_serves_nothing_and_is_mended_by_the_next_set(tmp_path, damage):
    (tmp_path / FILE_NAME).write_text(damage)
    split = Split(tmp_path)
    assert split.read() == Weights()
    split.set(A)
    assert split.read() == Weights(stable=A)


def test_without_a_stable_upstream_nothing_is_served(tmp_path):
    split = Split(tmp_path)
    assert split.read() == Weights(), "an absent file"
    split.set(None)
    assert split.read() == Weights()
    assert not re.match(LINE, (tmp_path / FILE_NAME).read_text())


@pytest.mark.parametrize(
    ("stable", "candidate", "weight"),
    [(A, None, 10), (None, B, 10), (A, B, 101), (A, B, -1), ("no port", None, 0), ("{env.HOME}:1", None, 0)],
)
def test_nonsense_is_refused_and_changes_nothing(tmp_path, stable, candidate, weight):
    split = Split(tmp_path)
    split.set(A)
    with pytest.raises(ValidationError):
        split.set(stable, candidate, weight)
    assert split.read() == Weights(stable=A)
