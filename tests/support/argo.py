"""Argo's own schemas, from the Go module that its source is published as; go.sum says which bytes those are."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from infra.toolchain import platforms
from infra.toolchain.cache import Cache, user_cache
from infra.toolchain.progress import Progress
from infra.toolchain.resolve import Toolchain

REPO = Path(__file__).resolve().parents[2]
PIN = REPO / "tests" / "support" / "go" / "argo"
MODULE = "github.com/argoproj/argo-workflows/v3"
# The minimal ones, which stand beside them, accept anything.
FULL = Path("manifests", "base", "crds", "full")


def download(pin: Path = PIN) -> Path:
    """The module's folder, fetched once (9 MB).

    Raises `subprocess.CalledProcessError` when it cannot be had, or is not what `pin` says."""
    toolchain = Toolchain(REPO, REPO / ".highway", Cache(user_cache()), platforms.current(), Progress())
    answer = subprocess.run(
        [toolchain.resolve("go").executables["go"], "mod", "download", "-json", MODULE],
        cwd=pin,
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "GOMODCACHE": str(user_cache() / "go" / "argo" / "modules"),
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        },
    )
    return Path(json.loads(answer.stdout)["Dir"])


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    definition = yaml.load((download() / FULL / f"argoproj.io_{kind.lower()}s.yaml").read_bytes(), yaml.CSafeLoader)
    (version,) = definition["spec"]["versions"]
    return jsonschema.Draft202012Validator(_strict(version["schema"]["openAPIV3Schema"]))


def _strict(schema: Any) -> Any:
    """Unknown fields are refused, as the API server refuses them from `kubectl apply --validate=strict`."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        strict.setdefault("additionalProperties", False)
    return strict


def faults(manifest: dict[str, Any]) -> Iterator[str]:
    """What Argo's CRD refuses in one of its objects; one line each."""
    for error in _validator(manifest["kind"]).iter_errors(manifest):
        yield f"{error.json_path}: {error.message}"[:400]
