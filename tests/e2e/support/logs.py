"""The log check: a test fails on a warning or error that nobody expected."""

import re

SUSPICIOUS = re.compile(r"\b(WARN|ERROR|panicked|PANIC|BUG)\b")
ANSI = re.compile(r"\x1b\[[0-9;]*m")

# Lines that any run may have, each with the reason.
HARMLESS = [
    # Redis' own start-up advice about the host, repeated by a drop-in.
    re.compile(r"WARNING:? (overcommit_memory|Memory overcommit|The TCP backlog|you have Tr)"),
    # Another program of this machine has the port; the next one is asked for.
    re.compile(r"step failed .*Address already in use"),
]


def suspicious_lines(text, expected=()):
    """Lines of a log that look like trouble, less the harmless and the expected ones."""
    known = HARMLESS + [re.compile(pattern) for pattern in expected]
    lines = [ANSI.sub("", line) for line in text.splitlines()]
    loud = [line for line in lines if SUSPICIOUS.search(line)]
    return [line for line in loud if not any(pattern.search(line) for pattern in known)]
