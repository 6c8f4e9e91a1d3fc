"""What breaks a contract, said so that a person can find it."""

import re
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

EXAMPLES = 3
# pandera names a check by what holds; a report says what does not.
_WORDS = {
    r"greater_than_or_equal_to\((.*)\)": r"is below \1",
    r"less_than_or_equal_to\((.*)\)": r"is above \1",
    r"isin\(\((.*)\)\)": r"is none of \1",
    r"str_matches\((.*)\)": r"does not match \1",
    r"dtype\('(.*)'\)": r"is no \1",
    r"not_nullable": "is missing",
    r"multiple_fields_uniqueness": "the same key more than once",
}


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
        # A rule over several columns is reported once for each column of the frame.
        cases["column"] = cases["column"].where(cases["schema_context"] == "Column", "")
        return [
            _described(partition, str(column), str(check), group)
            for (column, check), group in cases.groupby(["column", "check"], dropna=False, sort=True)
        ]
    return []


def _described(partition: str, column: str, check: str, cases: pd.DataFrame) -> Violation:
    if check == "column_in_schema":
        return Violation(partition, f"unknown column {', '.join(map(str, cases['failure_case']))}")
    if check == "column_in_dataframe":
        return Violation(partition, f"missing column {', '.join(map(str, cases['failure_case']))}")
    for pattern, words in _WORDS.items():
        check = re.sub(f"^{pattern}$", words, check)
    rows = cases["index"].dropna().unique()
    where = f"{column} " if column else ""
    if not len(rows):
        return Violation(partition, f"{where}{check}, got {cases['failure_case'].iloc[0]}")
    examples = [f"row {int(row)}" for row in rows[:EXAMPLES]]
    if column:
        values = cases.set_index("index")["failure_case"]
        examples = [f"{example} ({values[row]})" for example, row in zip(examples, rows, strict=False)]
    return Violation(partition, f"{where}{check}", len(rows), "; ".join(examples))
