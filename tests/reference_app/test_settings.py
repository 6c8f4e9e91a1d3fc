"""Settings: all problems at once, one line each, with what to set."""

from pathlib import Path

import pytest
from reference_app.settings import Settings, SettingsError, load_settings

GOOD = {
    "BUNDLES": "file:///srv/bundles",
    "MODEL_DIGEST": "sha256:" + "a" * 64,
    "MODEL_VERSION": "3",
    "APP_VERSION": "abc1234",
    "PORT": "8080",
    "HOME": "/home/somebody",
}


def test_the_environment_is_read_and_the_rest_of_it_ignored():
    settings = load_settings({**GOOD, "MAX_BODY_BYTES": "1024"})
    assert settings.bundles == Path("/srv/bundles")
    assert (settings.port, settings.max_body_bytes, settings.drain_timeout_seconds) == (8080, 1024, 8)


def test_a_plain_path_is_a_store_too():
    assert load_settings({**GOOD, "BUNDLES": "a store/bundles"}).bundles == Path("a store/bundles")


@pytest.mark.parametrize("name", ["BUNDLES", "MODEL_CACHE", "PREDICTION_LOG"])
@pytest.mark.parametrize("value", ["", "file:here", "file://host/there", "file:///a?b", "file:///a#b", "s3://models"])
def test_a_folder_is_not_guessed(name: str, value: str):
    with pytest.raises(SettingsError, match=f"^{name} cannot be"):
        load_settings({**GOOD, name: value})


def test_every_problem_is_listed_with_what_to_set():
    bad = {**GOOD, "MODEL_DIGEST": "latest", "PORT": "99999", "BUNDLES": "s3://models", "DRAIN_NOTICE_SECONDS": "soon"}
    del bad["MODEL_VERSION"]
    with pytest.raises(SettingsError) as refused:
        load_settings(bad)
    assert sorted(refused.value.problems) == [
        "BUNDLES cannot be 's3://models': set BUNDLES to the bundle store that holds the model, "
        "as a folder's path or file:/// URI",
        "DRAIN_NOTICE_SECONDS cannot be 'soon': set DRAIN_NOTICE_SECONDS to time between not ready and closing "
        "the listener, 0 to 30",
        "MODEL_DIGEST cannot be 'latest': set MODEL_DIGEST to the model bundle's digest, "
        "sha256: and 64 lower-case hex digits",
        "MODEL_VERSION is missing: set MODEL_VERSION to the model's version in the registry, 1 to 64 characters",
        "PORT cannot be '99999': set PORT to the loopback port to listen on, 1 to 65535",
    ]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_as_it_is(name: str):
    documented = (Path(__file__).parents[2] / "docs" / "app.md").read_text()
    (row,) = (line for line in documented.splitlines() if line.startswith(f"| `{name.upper()}` |"))
    field = Settings.model_fields[name]
    default = "required" if field.is_required() else "none" if field.default is None else f"`{field.default}`"
    assert row == f"| `{name.upper()}` | {default} | {field.description} |"
