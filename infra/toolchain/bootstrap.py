"""From a fresh clone to a working one: `python3 -m infra.toolchain.bootstrap [uv|venv|tools]`.

This file is read by whatever Python the machine has, so its syntax stays that of Python 3.8 and the rest is
imported once the version is known to do. Done before, it touches no network and takes a fraction of a second.
"""

import sys

STAGES = ("uv", "venv", "tools")  # each includes those before it


def main():  # type: () -> int
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the very check
        version = ".".join(str(part) for part in sys.version_info[:3])
        sys.stderr.write(
            "bootstrap: Python %s is too old; "  # noqa: UP031 - an old Python must get here
            "install Python 3.11 or newer and run `make up PYTHON=python3.11`\n" % version
        )
        return 1
    stage = sys.argv[1] if len(sys.argv) == 2 else "tools"
    if stage not in STAGES or len(sys.argv) > 2:
        sys.stderr.write("bootstrap: takes one of " + ", ".join(STAGES) + "\n")
        return 2
    from infra.toolchain.stages import run  # noqa: PLC0415 - see above

    return run(stage)


if __name__ == "__main__":
    sys.exit(main())
