"""Any valid service, job or pipeline, for properties that must hold for all of them."""

from hypothesis import strategies as st

from infra.contracts.workload import GIVEN, DataClassification, Job, Pipeline, Probe, Resources, Service, Step

names = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
scheduled_names = st.from_regex(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])?", fullmatch=True)
variables = st.from_regex(r"[A-Z_][A-Z0-9_]{0,20}", fullmatch=True).filter(lambda name: name not in GIVEN)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30).filter(
    lambda text: "{{" not in text
)
resources = st.builds(
    Resources,
    cpus=st.floats(0.01, 64, allow_nan=False),
    memory_bytes=st.integers(16 * 1024 * 1024, 1 << 40),
    open_files=st.integers(64, 1 << 20),
)
probes = st.builds(
    Probe,
    path=st.none() | texts.map(lambda text: "/" + text),
    period_seconds=st.floats(0.01, 120, allow_nan=False),
    timeout_seconds=st.floats(0.01, 60, allow_nan=False),
    failure_threshold=st.integers(1, 1000),
)


@st.composite
def _runnable(draw):
    bound = draw(st.lists(variables, unique=True, max_size=6))
    secret = draw(st.integers(0, len(bound)))
    # A "$" is escaped as the contract says: what is not escaped must be bound.
    plain = st.lists(texts.map(lambda text: text.replace("$", "$$")), min_size=1, max_size=3)
    return {
        "owner": draw(texts.filter(bool)),
        "data_classification": draw(st.sampled_from(DataClassification)),
        "slos": draw(st.lists(names, max_size=2).map(tuple)),
        "runbook": draw(st.none() | texts),
        "command": (*draw(plain), *(f"--x=$({name})" for name in bound)),
        "environment": {name: draw(texts) for name in bound[secret:]},
        "secrets": {name: draw(names) for name in bound[:secret]},
        "resources": draw(resources),
    }


@st.composite
def services(draw):
    port = draw(st.none() | st.integers(1, 65535))
    served = (
        {}
        if port is None
        else {"readiness": draw(st.none() | probes), "metrics_path": draw(st.none() | probes.map(lambda p: p.path))}
    )
    return Service(
        **draw(_runnable()),
        **served,
        name=draw(names),
        port=port,
        drain_seconds=draw(st.integers(1, 3600)),
        replicas=draw(st.integers(1, 100)),
    )


@st.composite
def jobs(draw):
    schedule = draw(st.none() | st.sampled_from(["0 3 * * *", "*/15 * * * 1-5"]))
    return Job(
        **draw(_runnable()),
        name=draw(names if schedule is None else scheduled_names),
        schedule=schedule,
        retries=draw(st.integers(0, 20)),
        timeout_seconds=draw(st.integers(1, 1 << 20)),
    )


@st.composite
def pipelines(draw):
    """Each step may read what was made before it, and map over some of it. Without what Argo cannot hand on, which
    its renderer refuses."""
    steps: list[Step] = []
    made: dict[str, str] = {}
    for name in draw(st.lists(scheduled_names, min_size=1, max_size=5, unique=True)):
        inputs = draw(st.lists(st.sampled_from(sorted(made)), unique=True, max_size=3)) if made else []
        earlier = [step.name for step in steps]
        needs = {made[artifact] for artifact in inputs}
        needs |= set(draw(st.lists(st.sampled_from(earlier), max_size=2))) if earlier else set()
        outputs = [each for each in draw(st.lists(names, unique=True, max_size=2)) if each not in made]
        steps.append(
            Step(
                **draw(_runnable()),
                name=name,
                retries=draw(st.integers(0, 5)),
                timeout_seconds=draw(st.integers(1, 1 << 20)),
                needs=tuple(sorted(needs)),
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                map_over=draw(st.none() | st.sampled_from(inputs)) if inputs else None,
                is_volatile=draw(st.booleans()),
            )
        )
        made |= dict.fromkeys(outputs, name)
    return Pipeline(
        name=draw(scheduled_names),
        owner=draw(texts.filter(bool)),
        data_classification=draw(st.sampled_from(DataClassification)),
        steps=tuple(steps),
        parameters=draw(st.dictionaries(variables, texts.filter(str.isprintable), max_size=3)),
        schedule=draw(st.none() | st.sampled_from(["0 3 * * *", "*/15 * * * 1-5"])),
    )
