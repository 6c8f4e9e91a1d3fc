"""What can go wrong while getting the tools. A message is one line: what is wrong; what to do."""


class ToolchainError(Exception):
    """Nothing else will help: stop, and show the message."""


class SourceUnavailableError(ToolchainError):
    """This source cannot give the tool on this machine now; the next one may."""
