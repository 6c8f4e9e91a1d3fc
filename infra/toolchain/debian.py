"""A Debian or Ubuntu package, fetched and unpacked as an ordinary user; nothing is installed.

apt keeps its lists and downloads in folders of ours, reads the system's sources and keys, and so refuses a
package whose signature does not verify.
"""

import os
import shutil
import time

from infra.toolchain import children
from infra.toolchain.children import ChildError
from infra.toolchain.errors import SourceUnavailableError
from infra.toolchain.sources import Debian
from infra.toolchain.workshop import Workshop

LISTS_AGE_SECONDS = 3600


def fill(source: Debian, workshop: Workshop) -> dict[str, str]:
    """Raises `SourceUnavailableError` where there is no apt, or it cannot give the package."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise SourceUnavailableError("this is no Debian or Ubuntu")
    apt = workshop.cache.root / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "download"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    status = apt / "status"
    status.touch()
    options = [
        f"-oDir::State::lists={apt / 'lists'}",
        f"-oDir::State::status={status}",
        f"-oDir::Cache={apt / 'cache'}",
        "-oAPT::Sandbox::User=",
        "-oAcquire::Retries=2",
        "-oAcquire::http::Timeout=20",
    ]
    try:
        with workshop.cache.lock("apt", lambda: workshop.task.update("waiting for another apt-get")):
            stamp = apt / "updated"
            if not stamp.exists() or time.time() - stamp.stat().st_mtime > LISTS_AGE_SECONDS:
                workshop.task.update("reading Debian's package lists")
                children.run(["apt-get", *options, "update", "-q", "--error-on=any"])
                stamp.touch()
            workshop.task.update(f"fetching {source.package}")
            children.run(["apt-get", *options, "download", "-q", source.package], cwd=apt / "download")
            archive = max((apt / "download").glob(f"{source.package}_*.deb"), key=os.path.getmtime)
            children.run(["dpkg-deb", "--extract", str(archive), str(workshop.staging)])
            for old in (apt / "download").glob(f"{source.package}_*.deb"):
                old.unlink()
    except ChildError as error:
        raise SourceUnavailableError(f"apt-get cannot give {source.package} ({error.reason})") from error
    return source.executables
