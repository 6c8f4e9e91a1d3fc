"""The highway's tools, where the toolchain put them or on PATH."""

import os
import shutil

from infra.local.home import Home


def tool(name: str) -> str:
    """The path of an executable. Fails the test that asks for one that is not there, and says how to get it."""
    own = str(Home.from_environment().root / "tools" / "bin")
    found = shutil.which(name, path=os.pathsep.join([own, os.environ.get("PATH", os.defpath)]))
    assert found, f"{name} is not on PATH nor in .highway/tools/bin: run `make tools`"
    return found
