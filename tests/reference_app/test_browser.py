"""A person with a browser: picks a flight, sends the form, reads the risk. With and without scripts, also on a phone.

Screenshots stay in the test's folder, to be looked at.
"""

from pathlib import Path
from typing import Any

import pytest
from reference_app.settings import Settings

from tests.support.app_process import running_app
from tests.support.browser import browser, missing_programs

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(bool(missing_programs()), reason=f"needs {' and '.join(missing_programs())} (Debian packages)"),
]


@pytest.mark.parametrize(
    "screen",
    [
        {"width": 1280, "height": 900},
        {"width": 390, "height": 844, "is_phone": True, "has_scripts": False},
        {"width": 320, "height": 640, "is_phone": True, "has_scripts": False},
    ],
    ids=["desktop", "phone without scripts", "smallest phone without scripts"],
)
def test_a_person_reads_the_risk_of_a_flight(settings: Settings, tmp_path: Path, screen: dict[str, Any]):
    variables = {
        "BUNDLES": settings.bundles.as_uri(),
        "MODEL_DIGEST": settings.model_digest,
        "MODEL_VERSION": "7",
        "APP_VERSION": "abc1234",
    }
    with running_app(variables, tmp_path) as app, browser(tmp_path / "profile", **screen) as window:
        window.open(f"{app.url}/")
        assert window.label("#destination") == "To"
        window.choose("#origin option[value=JFK]")
        window.choose("#destination option[value=SFO]")
        window.choose("#carrier option[value=EV]")
        window.press_enter("summary")
        window.type("#precipitation_inches", "0.4")
        window.screenshot(tmp_path / "form.png")
        window.press_enter("button[type=submit]")
        window.wait_for("#risk")
        assert window.text("#result-title") == "New York Kennedy (JFK) to San Francisco (SFO)"
        assert 0 <= int(window.text("#risk").removesuffix("%")) <= 100
        assert "Rain or snow: 0.4 inches" in window.text(".reasons")
        assert window.role("#result") == "region"
        window.screenshot(tmp_path / "result.png")
        page = window.rectangle("main")
        assert page["x"] + page["width"] <= screen["width"], "nothing makes the page scroll sideways"
        for card in range(1, window.count(".columns > .card") + 1):
            box = window.rectangle(f".columns > .card:nth-of-type({card})")
            assert box["x"] + box["width"] <= screen["width"]
