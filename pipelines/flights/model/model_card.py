"""`model_card.md`: what a person should know before trusting the model, from the facts of the run that made it."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.contracts.pipelines import Check
from pipelines.flights.model.gates import table
from pipelines.flights.model.names import CANDIDATE

SHOWN = ("auc", "brier", "log_loss", "calibration_error")


def model_card_text(
    card: Mapping[str, Any], training: Mapping[str, Any], evaluation: Mapping[str, Any], checks: list[Check]
) -> str:
    """`card` is that of `model.json`; `checks` are the verdicts of the gates."""
    holdout, window = evaluation["holdout"], card["training"]
    resampling, lineage = evaluation["resampling"], card["lineage"]
    champion = evaluation["champion"]
    return f"""# Model card: {card["name"]}

The chance that a flight from New York arrives late, from what is known at its scheduled departure: the timetable and
the last weather reading. Gradient-boosted trees of scikit-learn {card["sklearn"]}, as `model.joblib` and, with the same
answers, as `model.onnx`. What it learnt from: `data_card.md`.

## Intended use

- For planning: warn travellers, order flights by their risk, compare routes and hours.
- Not for safety, for crew or pay decisions about people, or for ranking carriers: a late arrival has causes that no
  carrier chose, and none of them is in the data.
- Not for flights from other airports, and not for other years without a new training.

## How good it is

Trained on {window["rows"]:,} flights of {window["first_month"]} to {window["last_month"]}, judged on
{holdout["rows"]:,} of {holdout["month"]}. Intervals hold {resampling["confidence"]:.0%}; they come from
{resampling["resamples"]:,} resamples of whole days, because the flights of a day share its weather.

{_rows(("Model", "AUC", "Brier", "Log loss", "Calibration error"), _metrics(evaluation["models"]))}

The candidate minus the others, on the same days (AUC: more is better; the others: less is):

{_rows(("Than", "AUC", "Brier", "Log loss", "Calibration error"), _metrics(evaluation["differences"]))}

The champion is {f"version {champion['version']}, {champion['digest']}" if champion["version"] else "none yet"}.

## Calibration

Predicted {evaluation["predicted_share"]:.1%} late, {holdout["late_share"]:.1%} were. Leaves are scaled by
{training["calibration_slope"]:.3f}, the part of the scores that held in months that the trees had not seen. The level
of a coming month is not in the past ones: until its labels arrive, the probabilities of a month as calm or as stormy
as no other are too high or too low together, and only their order is to be trusted.

{_rows(("Flights", "Predicted", "Late"), _reliability(evaluation))}

## By slice

Slices of {resampling["slice_rows_min"]} flights or more ({evaluation["slices_left_out"]} smaller ones are left out).
Bias is predicted minus late share.

{_rows(("By", "Slice", "Flights", "Late", "Bias", "AUC", "Brier"), _slices(evaluation))}

## Gates

{table(checks)}

## Limits

- The tail number is not used: an aircraft that comes in late makes the next flight late, and the model does not know.
- Weather is that of the airport of departure alone, at most some hours old.
- A month that the training window does not hold is taken for its nearest one.
- Carriers and airports that were not in the training window count as missing.

## Where it is from

- Code: commit `{lineage["commit"]}`
- Data: `{lineage["data_digest"]}`
- Environment: `{lineage["lock_digest"]}`

`highway reproduce RUN` makes it again in a clean folder and compares digests; RUN is the tag `run_id` of the version
in the registry.
"""


def _rows(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _interval(metric: Mapping[str, float]) -> str:
    return f"{metric['value']:.4f} ({metric['low']:.4f} to {metric['high']:.4f})"


def _metrics(models: Mapping[str, Any]) -> Iterable[Iterable[str]]:
    for name, each in models.items():
        metrics = each.get("metrics", each)
        yield (name.replace("_", " "), *(_interval(metrics[metric]) for metric in SHOWN))


def _reliability(evaluation: Mapping[str, Any]) -> Iterable[Iterable[str]]:
    for each in evaluation["models"][CANDIDATE]["reliability"]:
        yield f"{each['rows']:,}", f"{each['predicted']:.1%}", f"{each['late']:.1%}"


def _slices(evaluation: Mapping[str, Any]) -> Iterable[Iterable[str]]:
    for part in evaluation["slices"]:
        metrics = part["models"][CANDIDATE]
        share = f"{part['late_share']:.1%}"
        shown = (_interval(metrics[metric]) for metric in ("auc", "brier"))
        yield part["by"], part["value"], f"{part['rows']:,}", share, f"{metrics['bias']['value']:+.3f}", *shown
