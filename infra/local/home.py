"""Where everything of one clone lives: `.highway/`, readable by its owner only."""

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "HIGHWAY_HOME"
WORKLOAD_VARIABLE = "HIGHWAY_WORKLOAD"  # marks every process that the supervisor runs, by workload name


@dataclass(frozen=True)
class Home:
    """Paths below one `.highway/` folder. Nothing is created by asking for a path."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """The home this process belongs to: `HIGHWAY_HOME`, else `.highway/` of the repo that holds this file."""
        root = Path(os.environ.get(HOME_VARIABLE) or Path(__file__).resolve().parents[2] / ".highway")
        return cls(root.absolute())

    @property
    def repo(self) -> Path:
        return self.root.parent

    @property
    def state(self) -> Path:
        """The Pulumi file backend."""
        return self.root / "state"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def run(self) -> Path:
        """Sockets, generated configuration and other files that a new `up` makes again."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def data(self) -> Path:
        """What outlives `down`: storage, ledger, registry, git repo."""
        return self.root / "data"

    @property
    def storage(self) -> Path:
        """Artifacts and run records of the pipelines."""
        return self.data / "storage"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def bundles(self) -> Path:
        return self.data / "bundles"

    @property
    def releases(self) -> Path:
        """Intents (`<service>.json`) that Pulumi declares and states that the release controller keeps."""
        return self.run / "releases"

    @property
    def pipelines(self) -> Path:
        """Pipeline specs (`<name>.json`) that Pulumi declares."""
        return self.run / "pipelines"

    @property
    def scrape_targets(self) -> Path:
        """One Prometheus `file_sd` file a service."""
        return self.run / "prometheus" / "targets"

    @property
    def alert_rules(self) -> Path:
        return self.run / "prometheus" / "rules"

    def secret(self, name: str) -> Path:
        return self.secrets / name
