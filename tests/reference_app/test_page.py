"""The page, as a server-rendered document: no script, every field labelled, every problem said beside its field."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from reference_app.explanation import explain
from reference_app.features import Row
from reference_app.model import load_model
from reference_app.settings import Settings

from tests.support.flight_model import PublishedModel


class Document(HTMLParser):
    """Tags with their attributes in order, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def test_the_form_shows_a_typical_flight_and_labels_every_field(client: TestClient):
    answer = client.get("/")
    page = Document(answer.text)
    assert answer.status_code == 200
    assert page.all("script") == [], "it works without JavaScript because there is none"
    fields = page.all("select", "input")
    assert {field["id"] for field in fields} == {label["for"] for label in page.all("label")}
    assert {field["name"] for field in fields} >= {"date", "scheduled_departure", "carrier", "precipitation_inches"}
    assert "JetBlue Airways (B6)" in page.text
    assert "risk of delay" not in page.text, "nothing was asked yet"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_page_shows_the_risk_that_the_api_gives_and_why(client: TestClient, flight: dict[str, Any]):
    asked = {**flight, "precipitation_inches": 0.3}
    page = Document(client.get("/", params=asked).text)
    probability = client.post("/predict", json=asked).json()["probability_late"]
    assert f"{probability:.0%} risk of delay" in page.text
    assert "Rain or snow: 0.3 inches" in page.text
    assert "raises the risk compared with 0 inches" in page.text
    assert "Departure time: 18:30" in page.text
    assert "Not known, so taken as typical: temperature" in page.text
    bars = [bar for bar in page.all("rect") if bar["class"] in {"raising", "lowering"}]
    assert max(float(bar["width"] or 0) for bar in bars) == 100, "the largest reason fills its half"
    assert all(drawing["aria-hidden"] == "true" for drawing in page.all("svg")), "the text says all that they draw"


def test_a_result_keeps_what_was_asked_in_the_form(client: TestClient, flight: dict[str, Any]):
    page = Document(client.get("/", params=flight).text)
    chosen = {option["value"] for option in page.all("option") if "selected" in option}
    assert chosen == {"JFK", "LAX", "B6"}
    assert {field["value"] for field in page.all("input")} >= {"2013-07-04", "18:30", "21:45"}


def test_problems_are_announced_and_tied_to_their_fields(client: TestClient, flight: dict[str, Any]):
    asked = {**flight, "carrier": "<b>ZZ", "temperature_f": "900", "date": ""}
    answer = client.get("/", params=asked)
    page = Document(answer.text)
    assert answer.status_code == 422
    assert "Date: is required" in page.text
    assert "use one of 9E, AA, B6" in page.text
    assert any(section.get("role") == "alert" for section in page.all("section"))
    marked = {str(field["id"]): field for field in page.all("select", "input") if "aria-invalid" in field}
    assert set(marked) == {"date", "carrier", "temperature_f"}
    described = {str(field["aria-describedby"]) for field in marked.values()}
    assert described <= {str(note.get("id")) for note in page.all("p")}
    assert any("open" in details for details in page.all("details")), "a problem must not hide in closed details"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
def test_what_was_typed_is_never_markup(client: TestClient, flight: dict[str, Any], text: str):
    page = Document(client.get("/", params={**flight, "date": text}).text)
    assert page.all("script", "img") == []
    (date,) = (field for field in page.all("input") if field["id"] == "date")
    assert date["value"] == text


def test_a_stray_parameter_of_a_link_changes_nothing(client: TestClient):
    assert client.get("/", params={"utm_source": "letter"}).status_code == 200


def test_a_reason_is_the_change_when_one_feature_is_typical(published: PublishedModel, settings: Settings):
    model = load_model(settings.bundles, settings.model_digest, settings.model_version)
    flight: dict[str, Any] = {**published.card["reference"], "precipitation_inches": 0.5, "carrier": "EV"}
    probability, reasons = explain(model, Row(flight, ()))
    assert [reason.feature for reason in reasons] == ["precipitation_inches", "carrier"]
    (dry,) = model.score(model.encoder.rows([{**flight, "precipitation_inches": reasons[0].typical}]))
    assert reasons[0].change == pytest.approx(probability - dry, abs=1e-12)


def test_a_typical_flight_needs_no_reasons(published: PublishedModel, settings: Settings):
    model = load_model(settings.bundles, settings.model_digest, settings.model_version)
    probability, reasons = explain(model, Row(published.card["reference"], ()))
    assert reasons == []
    assert probability == model.typical_probability


def test_the_page_has_landmarks_and_the_reasons_are_a_table_that_can_be_read_out(
    client: TestClient, flight: dict[str, Any]
):
    page = Document(client.get("/", params={**flight, "precipitation_inches": 0.3}).text)
    order = [tag for tag, _ in page.tags if tag in {"header", "main", "footer", "table", "caption", "h1"}]
    assert order == ["header", "h1", "main", "table", "caption", "footer"]
    scopes = [header.get("scope") for header in page.all("th")]
    assert scopes[:2] == ["col", "col"]
    assert set(scopes[2:]) == {"row"}
    (language,) = page.all("html")
    assert language["lang"] == "en"


def test_the_summary_of_problems_takes_the_focus_and_leads_to_the_fields(client: TestClient, flight: dict[str, Any]):
    page = Document(client.get("/", params={**flight, "temperature_f": "900", "date": "soon", "carrier": "ZZ"}).text)
    (summary,) = (section for section in page.all("section") if section.get("role") == "alert")
    assert "autofocus" in summary
    assert summary["tabindex"] == "-1"
    fields = {field["id"] for field in page.all("select", "input")}
    links = [str(link["href"]).removeprefix("#") for link in page.all("a")]
    assert links == ["carrier", "date", "temperature_f"], "in the order of the form"
    assert fields >= set(links)


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted([_luminance(one), _luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def test_text_and_controls_stand_out_in_both_colour_schemes(client: TestClient):
    style = client.get("/static/page.css").text
    schemes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in style.split("@media")[:2]]
    assert all(len(scheme) == 11 for scheme in schemes)
    text = [(tone, on) for tone in ("text", "soft", "accent", "raises", "lowers") for on in ("card", "ground")]
    for scheme in schemes:
        for one, other in [*text, ("on-accent", "accent")]:
            assert _contrast(scheme[one], scheme[other]) >= 4.5, (one, other)
        # The border of a field, and the bars against their track.
        for one, other in [("soft", "card"), ("raises", "track"), ("lowers", "track"), ("accent", "track")]:
            assert _contrast(scheme[one], scheme[other]) >= 3, (one, other)
