"""A person with a browser: picks a flight, sends the form, reads the risk. With and without scripts, also on a phone.

Screenshots stay in the test's folder, to be looked at.
"""

from pathlib import Path
from typing import Any

import pytest
from reference_app.settings import Settings

from tests.support.app_process import running_app, variables_of
from tests.support.browser import Browser, browser, missing_programs

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(bool(missing_programs()), reason=f"needs {' and '.join(missing_programs())} (Debian packages)"),
]


SCREENS = pytest.mark.parametrize(
    "screen",
    [
        {"width": 1280, "height": 900},
        {"width": 390, "height": 844, "is_phone": True, "has_scripts": False},
        {"width": 320, "height": 640, "is_phone": True, "has_scripts": False},
    ],
    ids=["desktop", "phone without scripts", "smallest phone without scripts"],
)


def _assert_fits(window: Browser, width: int) -> None:
    """Nothing makes the page scroll sideways."""
    for selector in ("body > *", ".card", ".field", ".reasons", ".problems li"):
        for box in window.rectangles(selector):
            assert box["x"] >= 0, selector
            assert box["x"] + box["width"] <= width, selector


@SCREENS
def test_a_person_reads_the_risk_of_a_flight(settings: Settings, tmp_path: Path, screen: dict[str, Any]):
    with running_app(variables_of(settings), tmp_path) as app, browser(tmp_path / "profile", **screen) as window:
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
        assert [window.role(place) for place in ("body > header", "main", "body > footer")] == [
            "banner",
            "main",
            "contentinfo",
        ]
        assert window.role(".reasons") == "table"
        assert window.label(".reasons").startswith("How the risk changes")
        assert window.role(".reasons tbody th") == "rowheader"
        _assert_fits(window, screen["width"])


@SCREENS
def test_a_person_is_told_what_to_mend_and_led_there(settings: Settings, tmp_path: Path, screen: dict[str, Any]):
    with running_app(variables_of(settings), tmp_path) as app, browser(tmp_path / "profile", **screen) as window:
        window.open(f"{app.url}/?origin=JFK&destination=LAX&carrier=ZZ&temperature_f=900&date=2013-07-04")
        window.wait_for("#problems")
        assert window.focused() == "problems", "a screen reader begins with what is wrong"
        assert window.role("#problems") == "alert"
        assert window.label("#problems") == "Please check the flight"
        window.press_tab()
        window.press_enter(":focus")
        assert window.focused() == "carrier", "the link of the first problem leads to its field"
        assert window.count("#carrier[aria-invalid=true][aria-describedby=carrier-problem]") == 1
        assert "use one of 9E, AA" in window.text("#carrier-problem")
        assert window.count("#temperature_f:not([hidden])") == 1
        window.screenshot(tmp_path / "problems.png")
        _assert_fits(window, screen["width"])
