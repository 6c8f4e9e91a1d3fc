"""Runs pipelines: content-addressed outputs give cache and resume in one mechanism.

    run_pipeline(spec, jobs=SupervisedJobs(home), storage_uri=..., lineage=lineage_of(repo, ...), clock=SystemClock(),
                 ledger=LedgerClient.from_environment(), progress=bars)

`infra.operations.pipelines.run` says what it promises.
"""
