"""Another model in place of the one that answers, without a request lost.

The new one is fetched, verified, loaded and tried beside the old one, in a thread of its own; then one reference
changes hands. What is under way is answered by the old one, which goes when the last of it has. Whatever is wrong
with the new one is found before that, and the old one never stops.

A release declares its model, and after a restart the app serves that one again. This is for whoever must change the
model of a running process now, and says so with a token.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable
from pathlib import Path

from infra.contracts.errors import HighwayError
from reference_app.logs import FIELDS
from reference_app.model import Model
from reference_app.predictor import Predictor

logger = logging.getLogger("reference_app.hot_swap")


class SwapConflictError(HighwayError):
    """It cannot be done as things are: another swap is under way, or the bundle is another model."""


class HotSwap:
    def __init__(self, token_file: Path, load: Callable[[str, str], Model], predictor: Predictor) -> None:
        """`load` takes digest and version, as the app was started with its first model."""
        self._token_file, self._load, self._predictor = token_file, load, predictor
        self._is_loading = False

    def allows(self, token: str) -> bool:
        """Read each time, so that a token can be renewed. A file that is empty or cannot be read allows nobody."""
        try:
            expected = self._token_file.read_bytes().strip()
        except OSError as error:
            logger.warning("ADMIN_TOKEN_FILE cannot be read (%s): nobody may load a model until it can", error)
            return False
        return bool(expected) and hmac.compare_digest(token.encode(), expected)

    async def load(self, digest: str, version: str) -> Model:
        """The model that answers from now on. Raises `ModelRefusedError` or `SwapConflictError`; nothing has changed
        then."""
        if self._is_loading:
            raise SwapConflictError("another model is being loaded; try again when it is")
        self._is_loading = True
        try:
            model = await asyncio.to_thread(self._load, digest, version)
        finally:
            self._is_loading = False
        served = self._predictor.model.card.name
        if model.card.name != served:
            raise SwapConflictError(f"bundle {digest} is {model.card.name}, and {served} is served here; load that")
        before = self._predictor.swap(model)
        change = {"from": before.digest, "model_digest": digest, "model_version": version}
        logger.info("another model answers", extra={FIELDS: change})
        return model
