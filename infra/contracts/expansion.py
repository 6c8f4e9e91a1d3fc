"""`$(NAME)` in a command, exactly as the kubelet reads it.

One pass from left to right: a known `$(NAME)` becomes its value, which is not read again; an unknown one stays
as it is; `$$` becomes `$`, so `$$(NAME)` is the way to say `$(NAME)`. Source: kubernetes,
third_party/forked/golang/expansion/expand.go.
"""

import re
from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"\$\$|\$\(([^)]*)\)")


def expand(text: str, values: Mapping[str, str]) -> str:
    def replaced(token: re.Match[str]) -> str:
        return "$" if token[0] == "$$" else values.get(token[1], token[0])

    return _TOKEN.sub(replaced, text)


def references(text: str) -> Iterator[str]:
    """The names that `expand` would look up."""
    return (token[1] for token in _TOKEN.finditer(text) if token[1] is not None)
