"""What supervisord reads: its own configuration and one file a workload."""

import shlex
import sys
from pathlib import Path

from infra.contracts.workload import Service
from infra.local.home import Home
from infra.local.plan import Plan

LAUNCHER = Path(__file__).with_name("launch.py").resolve()
# supervisord gives up after `startretries` failed starts; a service never does, it only waits longer each time.
NEVER_GIVE_UP = 1_000_000_000
KILL_JOB_AFTER_SECONDS = 5
# A service that ends sooner has failed to start and waits before the next time. Longer than a busy machine needs
# to get from the launcher to the service itself, or every crash would look like a life.
STEADY_SECONDS = 5


def daemon(socket: Path, config: Path, log: Path, programs: str) -> str:
    """`programs` is a folder beside `config`: supervisord splits the list of files at spaces, so it must hold none."""
    return f"""\
[unix_http_server]
file={_escape(socket)}
chmod=0600

[supervisord]
logfile={_escape(log)}
logfile_maxbytes=5MB
logfile_backups=2
pidfile={_escape(config.with_suffix(".pid"))}
identifier=highway
umask=077
nocleanup=true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files={programs}/*.conf
"""


def service(plan: Plan, plan_path: Path, spec: Service, home: Home) -> str:
    log = home.logs / "workloads" / f"{plan.name}.log"
    return (
        _program(plan, plan_path, log)
        + f"""\
autostart=true
autorestart=true
startsecs={STEADY_SECONDS}
startretries={NEVER_GIVE_UP}
stopwaitsecs={spec.drain_seconds}
"""
    )


def job(plan: Plan, plan_path: Path, log: Path) -> str:
    # Started once by hand, never by a supervisor that comes back: retries belong to whoever runs the pipeline.
    return (
        _program(plan, plan_path, log)
        + f"""\
autostart=false
autorestart=false
startsecs=0
stopwaitsecs={KILL_JOB_AFTER_SECONDS}
"""
    )


def _program(plan: Plan, plan_path: Path, log: Path) -> str:
    # -P: it imports the standard library, whatever lies beside it; -S: nothing else, so that it starts in a moment.
    command = shlex.join([sys.executable, "-P", "-S", str(LAUNCHER), str(plan_path)])
    return f"""\
[program:{plan.name}]
command={_escape(command)}
directory={_escape(plan_path.parent)}
stopsignal=TERM
killasgroup=true
redirect_stderr=true
stdout_logfile={_escape(log)}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _escape(value: object) -> str:
    return str(value).replace("%", "%%")
