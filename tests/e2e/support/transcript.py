"""Scripts of requests on several connections, run against any server of the protocol; what comes
back is a transcript that can be compared with another server's."""

import re
import shlex
import socket

from support.waiting import until


class Reader:
    """One connection."""

    def __init__(self, port: int, timeout: float = 10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.stream = self.socket.makefile("rb")

    def send(self, *words):
        """A request by its words."""
        parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        text = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(b"*%d\r\n%s" % (len(parts), text))

    def read(self):
        """One reply as text, as redis-cli would show it on one line."""
        try:
            line = self.stream.readline()
        except (ConnectionResetError, TimeoutError) as problem:
            return f"<{type(problem).__name__}>"
        if not line:
            return "<closed>"
        kind, rest = chr(line[0]), line[1:-2].decode(errors="replace")
        if kind in "$=":
            if rest == "-1":
                return "nil"
            return repr(self.stream.read(int(rest) + 2)[:-2].decode(errors="replace"))
        if kind in "*>~%":
            if rest == "-1":
                return "nil[]"
            count = int(rest) * (2 if kind == "%" else 1)
            items = ", ".join(self.read() for _ in range(count))
            return f"{'' if kind == '*' else kind}[{items}]"
        return kind + rest

    def ask(self, *words):
        """A request and its reply."""
        self.send(*words)
        return self.read()

    def close(self):
        """Ends the connection."""
        self.stream.close()
        self.socket.close()


def play(port: int, script: str):
    """Runs lines of `name> words` (send and read), `name>> words` (send, and wait until it blocks)
    and `name<` (read), and `name*` (read all messages so far), and `name+` (read a line of
    MONITOR); gives the lines with their replies. A connection is made when it is first
    named, and says HELLO 3 when its name is in capitals."""
    observer = Reader(port)
    connections = {}
    lines = []
    try:
        for line in filter(str.strip, script.splitlines()):
            name, mark, request = re.match(r"\s*(\w+)\s*(>>|>|<|\*|\+)\s*(.*)", line).groups()
            if name not in connections:
                reader = connections[name] = Reader(port)
                reader.id = reader.ask("CLIENT", "ID")[1:]
                if name.isupper():
                    reader.ask("HELLO", "3")
            reader = connections[name]
            if mark == "+":
                lines.append(f"{name} is shown {_shown(reader.read(), connections)}")
                continue
            if mark == "*":
                lines += [f"{name} hears {message}" for message in _messages(observer, reader)]
                continue
            if request:
                reader.send(*shlex.split(request))
            if mark == ">>":
                until(lambda: _is_blocked(observer, reader), f"{line.strip()} blocks")
            lines.append(f"{name}{mark} {request} => {'' if mark == '>>' else reader.read()}")
    finally:
        for reader in [observer, *connections.values()]:
            reader.close()
    return lines


def _shown(line: str, connections) -> str:
    """A line of MONITOR without its time, and with the connection's name for its address."""
    match = re.match(r"\+\d+\.\d{6} \[(\d+) ([^]]*)\] (.*)$", line)
    assert match, line
    db, origin, words = match.groups()
    for name, reader in connections.items():
        if origin == "%s:%d" % reader.socket.getsockname():
            origin = name
    return f"[{db} {origin}] {words}"


def _messages(observer: Reader, reader: Reader):
    observer.ask("PUBLISH", "__key_end__", "")
    messages = []
    while "__key_end__" not in (message := reader.read()):
        assert message != "<closed>"
        messages.append(message)
    return messages


def _is_blocked(observer: Reader, reader: Reader) -> bool:
    return " flags=b " in observer.ask("CLIENT", "LIST", "ID", reader.id)
