"""A provider does not outlive its engine: a `kill -9` of `pulumi` must not leave one at work."""

import os
import threading
import time

POLL_SECONDS = 0.2


def end_with_parent() -> None:
    """End this process as soon as the process that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
