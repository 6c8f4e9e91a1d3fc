"""`python -m pipelines.feature_tests NOTEBOOK`: prints the test that it wrote."""

import argparse
import sys
from pathlib import Path

from infra.contracts.errors import HighwayError
from pipelines.feature_tests.write import write_test


def main() -> None:
    parser = argparse.ArgumentParser(prog="highway feature")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--replace", action="store_true")
    arguments = parser.parse_args()
    try:
        path = write_test(arguments.notebook, replace=arguments.replace)
    except HighwayError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from error
    print(path)


if __name__ == "__main__":
    main()
