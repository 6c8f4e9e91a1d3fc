"""Where a workload goes in a cluster, and which image runs its code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.contracts.errors import HighwayError
from infra.contracts.pipelines import UNKNOWN_COMMIT, UNKNOWN_LOCK
from infra.contracts.workload import Runnable

# A tag may mean other bytes tomorrow; only a digest names what was tested.
IMAGE_BY_DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")


class PlacementError(HighwayError):
    """The cluster cannot run what the spec names; the message says what to pass."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """`images` maps a bundle's digest to the image that holds the same code; `platform_image` runs the
    workloads that name no bundle; `commit` and `lock_digest` say what that one was built from, for the lineage of
    pipelines. Raises `PlacementError` for an image that is not named by digest."""

    namespace: str
    platform_image: str
    images: Mapping[str, str] = field(default_factory=dict)
    commit: str = UNKNOWN_COMMIT
    lock_digest: str = UNKNOWN_LOCK

    def __post_init__(self) -> None:
        for image in (self.platform_image, *self.images.values()):
            if not IMAGE_BY_DIGEST.fullmatch(image):
                raise PlacementError(f"image {image!r}: name it by digest, <repository>@sha256:<64 hex digits>")

    def image_of(self, spec: Runnable) -> str:
        """Raises `PlacementError` when the spec's bundle has no image."""
        if spec.bundle is None:
            return self.platform_image
        try:
            return self.images[spec.bundle]
        except KeyError:
            raise PlacementError(
                f"{spec.name}: no image for bundle {spec.bundle}; build it and add it to `images`"
            ) from None
