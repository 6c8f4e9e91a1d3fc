"""Where unix sockets live: only this user reaches them, and their path fits into what the kernel allows."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from infra.contracts.errors import HighwayError
from infra.local.home import Home

# sun_path holds 104 bytes on macOS and 108 on Linux, the closing NUL among them (sys/un.h of each). supervisord
# and Caddy bind a temporary name beside the final one, so some bytes stay free for its suffix.
LONGEST_PATH_BYTES = 104 - 1 - 16


class SocketFolderError(HighwayError):
    """The folder for sockets belongs to somebody else or is open to others; the message says what to do."""


def socket_path(home: Home, name: str) -> Path:
    """The path for the socket `name` of this home, in a folder of mode 0700 that is made when missing.

    `<home>/run/<name>.sock` when it is short enough; else a folder of this user's in the temporary directory,
    named by a hash of the home, so that two clones never share one. Raises `SocketFolderError`.
    """
    near = home.run.absolute() / f"{name}.sock"
    if len(os.fsencode(near)) <= LONGEST_PATH_BYTES:
        _make_private(near.parent)
        return near
    clone = hashlib.sha256(os.fsencode(home.root.resolve())).hexdigest()[:12]
    far = Path(tempfile.gettempdir()) / f"highway-{os.getuid()}-{clone}" / f"{name}.sock"
    if len(os.fsencode(far)) > LONGEST_PATH_BYTES:
        raise SocketFolderError(f"{far} is longer than {LONGEST_PATH_BYTES} bytes: set TMPDIR to a shorter folder")
    _make_private(far.parent)
    return far


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # lstat: a link that somebody else put into the temporary directory must not be followed.
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise SocketFolderError(f"{folder} is not a folder of user {os.getuid()}: remove it or set TMPDIR to another")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
