"""Tags of a version in the registry that other programs look for."""

DIGEST_TAG = "digest"  # of the bundle
RUN_TAG = "run_id"  # of the pipeline's run that registered it, and so let it through its gates
