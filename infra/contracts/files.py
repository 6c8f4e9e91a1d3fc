"""Files that are either whole or absent, whatever kills the writer."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes | str, mode: int = 0o600) -> None:
    """Write `content` to `path` through a synced temporary file beside it; parent folders are made (0700)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
