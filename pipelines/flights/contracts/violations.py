"""What breaks a contract, said so that a person can find it."""

from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

EXAMPLES = 3


@dataclass(frozen=True)
class Violation:
    """`partition` is a file of the artifact; `rows` says how many break the rule, None for the file as a whole."""

    partition: str
    rule: str
    rows: int | None = None
    examples: str = ""

    def __str__(self) -> str:
        count = "" if self.rows is None else f": {self.rows:,} rows"
        return f"{self.partition}: {self.rule}{count}" + (f", such as {self.examples}" if self.examples else "")


def violations(model: type[pa.DataFrameModel], frame: pd.DataFrame, partition: str) -> list[Violation]:
    """All rules of `model` that `frame` breaks; none when it keeps them."""
    try:
        model.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        return [
            _described(partition, str(context), column, str(check), group)
            for (context, column, check), group in cases.groupby(
                ["schema_context", "column", "check"], dropna=False, sort=True
            )
        ]
    return []


def _described(partition: str, context: str, column: object, check: str, cases: pd.DataFrame) -> Violation:
    if check == "column_in_schema":
        return Violation(partition, f"unknown column {', '.join(map(str, cases['failure_case']))}")
    if check == "column_in_dataframe":
        return Violation(partition, f"missing column {', '.join(map(str, cases['failure_case']))}")
    rows = cases["index"].dropna().unique()
    where = f"{column} " if context == "Column" else ""
    if not len(rows):
        return Violation(partition, f"{where}{check}, got {cases['failure_case'].iloc[0]}")
    examples = "; ".join(
        f"row {int(row)} ({', '.join(map(str, cases.loc[cases['index'] == row, 'failure_case'].head(2)))})"
        for row in rows[:EXAMPLES]
    )
    return Violation(partition, f"{where}{check}", len(rows), examples)
