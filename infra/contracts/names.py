"""Names that more than one program must agree on: metrics, labels, secrets, accounts. Once, here."""

PROJECT = "digital-highway"
OPERATOR = "highway"  # the account that all admin interfaces know
OPERATOR_SECRET = "operator-password"
LEDGER_SECRET = "ledger-token"

# Labels on workloads, metrics and alerts
SERVICE_LABEL = "service"  # of a metric: the service that was scraped for it
WORKLOAD_LABEL = "workload"  # of the exporter's metrics: whom they are about
COMPONENT_LABEL = "component"
SEVERITY_LABEL = "severity"
OWNER_LABEL = "owner"

# Kubernetes labels (short, from closed sets) and annotations (free text)
DATA_CLASSIFICATION_LABEL = "dh/data-classification"
OWNER_ANNOTATION = "dh/owner"
SLOS_ANNOTATION = "dh/slos"
RUNBOOK_ANNOTATION = "dh/runbook"

# Numeric libraries start a thread per core of the machine unless told otherwise.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")

# Metrics of the serving app
PREDICTIONS_TOTAL = "predictions_total"  # labels: outcome = ok | rejected | failed; model_version
PREDICTION_SECONDS = "prediction_duration_seconds"  # histogram
PREDICTION_LOG_DROPPED_TOTAL = "prediction_log_dropped_total"  # predictions answered but not written down
REQUESTS_REFUSED_TOTAL = "requests_refused_total"  # labels: reason = overload | draining
MODEL_PATH = "model_path"  # gauge 1; labels: path = onnx | scikit-learn; origin = registry | cache
MODEL_INFO = "model_info"  # gauge 1; labels: model, version, digest
HTTP_REQUESTS_TOTAL = "http_requests_total"  # labels: route (of the route table or other), method, status

# Metrics of the ledger's exporter (jobs are too short to be scraped)
JOB_LAST_SUCCESS = "job_last_success_timestamp_seconds"  # labels: pipeline, step
JOB_LAST_FAILURE = "job_last_failure_timestamp_seconds"  # labels: pipeline, step
CHECK_PASSED = "highway_check_passed"  # labels: subject, suite, check; 1 or 0, of the latest verdict
LEDGER_EVENTS_TOTAL = "ledger_events_total"  # labels: kind, outcome

# Tests have a suite, what they hold to account, and a tier, how slow they are. That of `make test` has no name.
TIERS = ("", "proof", "nightly")


def suite_check(suite: str, tier: str) -> str:
    """A check for each tier: what fails in a slow one must not look mended when a faster one passes."""
    return f"suite.{suite}.{tier}" if tier else f"suite.{suite}"


# Metrics of the runner
CI_RUNS_TOTAL = "ci_runs_total"  # labels: outcome
CI_RUN_SECONDS_TOTAL = "ci_run_duration_seconds_total"
CI_PUSHES_WAITING = "ci_pushes_waiting"

# Metrics of the substrate's own exporter
DISK_FREE_BYTES = "highway_disk_free_bytes"
DISK_SIZE_BYTES = "highway_disk_size_bytes"
WORKLOAD_UP = "highway_workload_up"  # labels: workload; 1 when the supervisor says RUNNING
WORKLOAD_RESTARTS = "highway_workload_restarts_total"  # labels: workload

# Metrics of the release controller
RELEASE_INFO = "highway_release_info"  # gauge 1; labels: service, version, revision, phase; of the stable revision
RELEASE_WEIGHT_PERCENT = "highway_release_candidate_weight_percent"  # labels: service
RELEASE_ERRORS_TOTAL = "highway_release_errors_total"  # labels: service; turns of the controller that failed
