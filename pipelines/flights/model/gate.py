"""Gate: whether the model may be registered, each gate with what was seen and what is allowed."""

import sys

import pandas as pd

from infra.contracts.pipelines import CHECKS, CHECKS_FILE
from pipelines import step
from pipelines.flights.model.files import MODEL_FILE, ONNX_FILE, PARITY_FILE
from pipelines.flights.model.gates import Facts, GatesConf, table, verdicts
from pipelines.flights.model.onnx_model import OnnxModel

REPORT_FILE, VERDICT_FILE = "verdict.md", "verdict.json"


def main() -> None:
    conf = GatesConf.from_environment()
    model, evaluation = step.read_from("model"), step.read_from("evaluation")
    training = model.read_json("training.json")
    onnx = model.read_bytes(ONNX_FILE)
    served = (model.read_bytes(MODEL_FILE), onnx, evaluation.read_bytes(PARITY_FILE))
    typical = pd.DataFrame([training["reference"]])
    latency_ms = OnnxModel(onnx, training["features"], training["categorical"]).median_latency_ms(typical)
    facts = Facts(evaluation.read_json("evaluation.json"), sum(map(len, served)), latency_ms)
    checks = verdicts(conf.gates, facts)
    broken = [check for check in checks if not check.is_passed]
    verdict = step.write_to("verdict")
    told = CHECKS.dump_python(checks, mode="json")
    verdict.write_json(CHECKS_FILE, told)
    verdict.write_json(VERDICT_FILE, {"is_passed": not broken, "gates": told})
    headline = f"{len(broken)} of {len(checks)} gates are broken" if broken else f"all {len(checks)} gates are passed"
    verdict.write_bytes(REPORT_FILE, f"# {headline}\n\n{table(checks)}\n".encode())
    for check in checks:
        print(f"{'passed' if check.is_passed else 'BROKEN':7} {check.name}: {check.summary}")
    print(f"a single row takes {latency_ms * 1000:.1f} microseconds")
    for check in broken:
        print(f"{check.name} is broken: {check.summary}", file=sys.stderr)
    if broken:
        step.fail(f"{headline}: nothing is registered; limits are in pipelines/confs/gates.yaml")


if __name__ == "__main__":
    step.run(main)
