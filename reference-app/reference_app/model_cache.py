"""A model's bundle: from the store of bundles, or, while that cannot be reached, its last verified copy of our own.

Only a copy of the very digest that was asked for will do. A release declares one model, the gateway compares
revisions by it and every answer names it: an app that helped itself with another one would serve what nobody
decided to serve. For the same reason a store that answers, and does not have the digest or has other bytes under it,
is believed: that is no outage but a withdrawal or an attack.
"""

import logging
import os
from pathlib import Path

from infra.contracts.bundle import BundleError, StoreUnreachableError, files_of, path_in, verified
from infra.contracts.files import write_atomically
from reference_app.logs import FIELDS

# Where a bundle came from; the label `origin` of the metric `model_path` and of /ready.
REGISTRY, CACHE = "registry", "cache"
# Releases of one service share a cache: the one that serves, its candidate, and some to roll back to.
MOST_KEPT = 5

logger = logging.getLogger("reference_app.model_cache")


def fetch_model(store: Path, digest: str, cache: Path | None) -> tuple[dict[str, bytes], str]:
    """The files of the bundle and their origin. Raises `BundleError`; without a `cache` the store is all there is."""
    try:
        content = verified(store, digest)
    except StoreUnreachableError as error:
        if cache is None:
            raise
        try:
            content = verified(cache, digest)
        except BundleError as cached:
            raise BundleError(f"{error}; MODEL_CACHE does not help: {cached}") from error
        logger.warning("the model is served from the cache: %s", error, extra={FIELDS: {"model_digest": digest}})
        return files_of(content), CACHE
    if cache is not None:
        _keep(cache, digest, content)
    return files_of(content), REGISTRY


def _keep(cache: Path, digest: str, content: bytes) -> None:
    """Best effort: an app that has its model starts, whatever its cache can hold."""
    path = path_in(cache, digest)
    try:
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)
        os.utime(path)
        copies = sorted(path.parent.glob("*.tar"), key=lambda copy: copy.stat().st_mtime, reverse=True)
        for old in copies[MOST_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("the model was not copied into MODEL_CACHE: %s; make room or mend the folder", error)
