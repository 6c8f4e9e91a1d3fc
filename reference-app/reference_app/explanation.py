"""Why this risk: what would change if one thing about the flight were typical.

For each feature the flight is predicted once more with the feature's typical value in its place; the difference
is the feature's contribution. Features act together, so the contributions do not add up to the whole distance
from a typical flight: they answer "what if only this were different?".
"""

from dataclasses import dataclass

from reference_app.features import Row
from reference_app.model import Model
from reference_app.model_card import Value

# Below a tenth of a percentage point a page would show 0.0.
SMALLEST_CHANGE = 0.0005


@dataclass(frozen=True)
class Contribution:
    """`change` is in probability (0-1): above 0 the flight's own value makes it later than the typical one."""

    feature: str
    value: Value
    typical: Value
    change: float


def explain(model: Model, row: Row) -> tuple[float, list[Contribution]]:
    """The probability and what it is made of, the largest change first."""
    typical = model.card.reference
    differing = [feature for feature in model.card.features if row.values[feature] != typical[feature]]
    variants = [{**row.values, feature: typical[feature]} for feature in differing]
    probability, *without = model.score(model.encoder.rows([row.values, *variants])).tolist()
    contributions = [
        Contribution(feature, row.values[feature], typical[feature], probability - other)
        for feature, other in zip(differing, without, strict=True)
    ]
    visible = [contribution for contribution in contributions if abs(contribution.change) >= SMALLEST_CHANGE]
    return probability, sorted(visible, key=lambda contribution: -abs(contribution.change))
