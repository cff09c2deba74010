"""Transcripts that `cargo xtask differ` found and kept, against a node and redis-server."""

import socket
from pathlib import Path

import pytest

from support.reference import Reference
from support.writes import encode

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "differ").glob("*.txt"))
# Milliseconds between the same call at two servers.
LAG = 30_000


class Peer:
    """A connection that speaks RESP2 and RESP3 and keeps the kinds of replies."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.reader = self.socket.makefile("rb")

    def ask(self, words):
        """The reply to one request."""
        self.socket.sendall(encode(words))
        return self.read()

    def read(self):
        """One reply: its kind and what it holds."""
        line = self.reader.readline()
        assert line.endswith(b"\r\n"), line
        kind, rest = line[:1], line[1:-2]
        if kind in (b"$", b"=") and rest != b"-1":
            return kind, self.reader.read(int(rest) + 2)[:-2]
        if kind in (b"*", b"~", b">", b"%") and rest != b"-1":
            count = int(rest) * (2 if kind == b"%" else 1)
            return kind, [self.read() for _ in range(count)]
        return kind, int(rest) if kind == b":" else rest


def words_of(line):
    """Connection, likeness and words of a line; words with blanks are in quotes."""
    words, at = [], 0
    while at < len(line):
        word, quoted = bytearray(), line[at] == '"'
        at += quoted
        while at < len(line) and line[at] != ('"' if quoted else " "):
            if quoted and line[at] == "\\":
                escape = 4 if line[at + 1] == "x" else 2
                text = line[at + 2 : at + 4]
                word.append(int(text, 16) if escape == 4 else ord(line[at + 1]))
                at += escape
            else:
                word.append(ord(line[at]))
                at += 1
        words.append(bytes(word))
        at += 1 + quoted
    return int(words[0]), words[1].decode(), words[2:]


def settled(reply):
    """Sets and maps in an order of their own."""
    kind, held = reply
    if not isinstance(held, list):
        return reply
    held = [settled(one) for one in held]
    if kind == b"~":
        held = sorted(held, key=repr)
    if kind == b"%":
        held = pairs(held)
    return kind, held


def pairs(held):
    """Pairs of a flat list, sorted."""
    return sorted(zip(held[::2], held[1::2]), key=repr)


def canonical(likeness, reply):
    """What must be the same on both sides."""
    kind, held = settled(reply)
    if kind == b"-" or likeness in ("exact", "ignored"):
        return kind, held
    if likeness == "unordered" and isinstance(held, list):
        return kind, sorted(held, key=repr)
    if likeness == "pairs" and kind == b"*":
        return kind, pairs(held)
    if likeness == "walk" and isinstance(held, list) and held[0] == (b"$", b"0"):
        return kind, sorted(held[1][1], key=repr)
    if likeness == "shape":
        return kind, None
    if likeness == "random":
        return kind, len(held) if isinstance(held, list) else None
    return kind, held


def near(ours, theirs):
    """The same moment but for the time between the calls."""
    if isinstance(ours[1], list) and isinstance(theirs[1], list):
        return len(ours[1]) == len(theirs[1]) and all(map(near, ours[1], theirs[1]))
    if ours[0] != b":" or theirs[0] != b":":
        return ours == theirs
    return (ours[1] < 0) == (theirs[1] < 0) and abs(ours[1] - theirs[1]) <= LAG


AGES = (b"idle", b"seen-time")


def aged(ours, theirs):
    """The same but for moments and spans among what is known of a stream."""
    held, other = theirs[1], ours[1]
    if not isinstance(held, list) or not isinstance(other, list):
        return ours == theirs
    listed = bool(held) and held[0][0] == b"$" and b"-" in held[0][1] and held[-1][0] == b":"

    def is_age(at):
        return (at > 0 and held[at - 1][1] in AGES) or (listed and at + 2 == len(held))

    def same(at):
        if is_age(at) and held[at][0] == other[at][0] == b":":
            return near(other[at], held[at])
        return aged(other[at], held[at])

    return ours[0] == theirs[0] and len(held) == len(other) and all(map(same, range(len(held))))


def alike(likeness, ours, theirs):
    """True when the replies are the same, as the line says."""
    if likeness == "ignored":
        return True
    if likeness == "near":
        return near(ours, theirs)
    if likeness == "aged":
        return aged(ours, theirs)
    return canonical(likeness, ours) == canonical(likeness, theirs)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """redis-server."""
    one = Reference(tmp_path_factory.mktemp("reference"))
    yield one
    one.stop()


@pytest.mark.parametrize("loops", ["1", "4"])
def test_what_once_differed_does_no_more(make_node, reference, loops):
    assert TRANSCRIPTS
    node = make_node("--io-threads", loops, "--enable-debug-command", "yes")
    wrong = []
    for transcript in TRANSCRIPTS:
        sides = [[Peer(port) for _ in range(3)] for port in (node.port, reference.port)]
        queued = {}
        for line in transcript.read_text().splitlines():
            if line.startswith("#") or not line:
                continue
            connection, likeness, words = words_of(line)
            ours, theirs = (side[connection].ask(words) for side in sides)
            if theirs == (b"+", b"QUEUED"):
                queued.setdefault(connection, []).append(likeness)
            elif words[0].upper() == b"EXEC" and isinstance(theirs[1], list):
                each = zip(queued.pop(connection, []), ours[1], theirs[1])
                if len(ours[1]) != len(theirs[1]) or not all(alike(*one) for one in each):
                    wrong.append((transcript.name, line, ours, theirs))
                continue
            elif words[0].upper() in (b"EXEC", b"DISCARD", b"RESET"):
                queued.pop(connection, None)
            if not alike(likeness, ours, theirs):
                wrong.append((transcript.name, line, ours, theirs))
    assert not wrong


def test_a_difference_is_seen():
    assert words_of('1 exact SET a ""') == (1, "exact", [b"SET", b"a", b""])
    assert words_of(r'0 near X "a\x00\"" b') == (0, "near", [b"X", b'a\0"', b"b"])
    one, two = (b":", 1), (b":", 2)
    assert not alike("exact", (b"*", [one, two]), (b"*", [two, one]))
    assert alike("exact", (b"~", [one, two]), (b"~", [two, one]))
    assert alike("unordered", (b"*", [one, two]), (b"*", [two, one]))
    assert not alike("pairs", (b"*", [one, two]), (b"*", [two, one]))
    assert alike("near", (b":", 500), (b":", 600))
    assert not alike("near", (b":", 500), (b":", -2))
    old, new = (b"*", [(b"$", b"idle"), one]), (b"*", [(b"$", b"idle"), two])
    assert alike("aged", old, new)
    assert not alike("aged", (b"*", [one]), (b"*", [two]))
    assert not alike("random", (b"*", [one]), (b"*", [one, two]))
