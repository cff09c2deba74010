"""Mixed writes of all types from one seed, as bytes to send: what replicas are compared by."""

import random
import socket
import threading

KEYS = 300
SCRIPT = (
    "local n = redis.call('incr', KEYS[1]) "
    "redis.call('rpush', KEYS[2], n) redis.call('spop', KEYS[3]) "
    "if n % 3 == 0 then redis.call('del', KEYS[2]) end return n"
)


def encode(words):
    """One request."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Writes:
    """An endless sequence of requests."""

    def __init__(self, seed, scripts=True):
        self.random = random.Random(seed)
        self.scripts = scripts

    def key(self, kind):
        """Mostly of a kind of its own, so that most writes meet what they expect."""
        if self.random.random() < 0.02:
            kind = self.random.choice("shlez")
        return f"{kind}{self.random.randrange(KEYS)}"

    def word(self):
        """A value: short, a number or long."""
        n = self.random.randrange(10)
        if n == 0:
            return "x" * self.random.randrange(2000)
        return self.random.randrange(1000) if n < 5 else f"m{self.random.randrange(500)}"

    def words(self):
        """Several values."""
        return [self.word() for _ in range(self.random.randrange(1, 6))]

    def score(self):
        """Of a sorted set."""
        return self.random.choice([self.random.randrange(100), self.random.uniform(-5, 5)])

    def request(self):
        """One request that writes."""
        make = self.random.choice(self.makers())
        return make()

    def block(self):
        """The bytes of one request, or of one transaction; and how many replies it gets."""
        if self.random.random() > 0.03:
            return encode(self.request()), 1
        count = self.random.randrange(1, 6)
        inner = b"".join(encode(self.request()) for _ in range(count))
        return encode(["MULTI"]) + inner + encode(["EXEC"]), count + 2

    def makers(self):
        """Commands by type. Lists are made of strings, sets and so on by turns."""
        r, key, word, words = self.random, self.key, self.word, self.words
        ends = ["LEFT", "RIGHT"]
        makers = [
            lambda: ["SET", key("s"), word()],
            lambda: ["SET", key("s"), word(), "PX", r.randrange(1, 3000)],
            lambda: ["SET", key("s"), word(), "XX", "GET", "KEEPTTL"],
            lambda: ["SETNX", key("s"), word()],
            lambda: ["SETEX", key("s"), 1, word()],
            lambda: ["GETSET", key("s"), word()],
            lambda: ["GETDEL", key("s")],
            lambda: ["GETEX", key("s"), "PX", r.randrange(1, 3000)],
            lambda: ["APPEND", key("s"), word()],
            lambda: ["SETRANGE", key("s"), r.randrange(50), word()],
            lambda: ["INCRBY", key("s"), r.randrange(-9, 9)],
            lambda: ["INCRBYFLOAT", key("s"), r.uniform(-2, 2)],
            lambda: ["MSET", key("s"), word(), key("s"), word()],
            lambda: ["MSETNX", key("s"), word(), key("s"), word()],
            lambda: ["DEL", key("s"), key("l"), key("z")],
            lambda: ["UNLINK", key("h"), key("e")],
            lambda: ["RENAME", key("s"), key("s")],
            lambda: ["RENAMENX", key("l"), key("l")],
            lambda: ["COPY", key("h"), key("h"), "REPLACE"],
            lambda: ["MOVE", key("s"), r.randrange(3)],
            lambda: ["PEXPIRE", key(r.choice("shlez")), r.randrange(1, 3000)],
            lambda: ["EXPIRE", key(r.choice("shlez")), r.randrange(-1, 3), "GT"],
            lambda: ["PERSIST", key(r.choice("shlez"))],
            lambda: ["SELECT", r.choice([0, 0, 0, 1, 2])],
            lambda: ["RPUSH", key("l"), *words()],
            lambda: ["LPUSH", key("l"), *words()],
            lambda: ["LPUSHX", key("l"), word()],
            lambda: ["LPOP", key("l"), r.randrange(1, 4)],
            lambda: ["RPOP", key("l")],
            lambda: ["LSET", key("l"), r.randrange(-3, 3), word()],
            lambda: ["LINSERT", key("l"), "AFTER", word(), word()],
            lambda: ["LREM", key("l"), r.randrange(-2, 2), word()],
            lambda: ["LTRIM", key("l"), r.randrange(2), r.randrange(20, 60)],
            lambda: ["LMOVE", key("l"), key("l"), r.choice(ends), r.choice(ends)],
            lambda: ["RPOPLPUSH", key("l"), key("l")],
            lambda: ["LMPOP", 2, key("l"), key("l"), r.choice(ends), "COUNT", r.randrange(1, 4)],
            lambda: ["BLPOP", key("l"), key("l"), 0.001],
            lambda: ["BLMOVE", key("l"), key("l"), r.choice(ends), r.choice(ends), 0.001],
            lambda: ["SADD", key("e"), *words()],
            lambda: ["SREM", key("e"), *words()],
            lambda: ["SPOP", key("e")],
            lambda: ["SPOP", key("e"), r.randrange(0, 6)],
            lambda: ["SMOVE", key("e"), key("e"), word()],
            lambda: ["SINTERSTORE", key("e"), key("e"), key("e")],
            lambda: ["SUNIONSTORE", key("e"), key("e"), key("e")],
            lambda: ["SDIFFSTORE", key("e"), key("e"), key("e")],
            lambda: ["HSET", key("h"), word(), word(), word(), word()],
            lambda: ["HSETNX", key("h"), word(), word()],
            lambda: ["HDEL", key("h"), *words()],
            lambda: ["HINCRBY", key("h"), word(), r.randrange(-9, 9)],
            lambda: ["HINCRBYFLOAT", key("h"), word(), r.uniform(-2, 2)],
            lambda: ["ZADD", key("z"), self.score(), word(), self.score(), word()],
            lambda: ["ZADD", key("z"), "GT", "CH", self.score(), word()],
            lambda: ["ZADD", key("z"), "INCR", self.score(), word()],
            lambda: ["ZINCRBY", key("z"), self.score(), word()],
            lambda: ["ZREM", key("z"), *words()],
            lambda: ["ZPOPMIN", key("z"), r.randrange(1, 3)],
            lambda: ["ZPOPMAX", key("z")],
            lambda: ["BZPOPMIN", key("z"), 0.001],
            lambda: ["ZMPOP", 1, key("z"), "MIN", "COUNT", r.randrange(1, 3)],
            lambda: ["ZREMRANGEBYRANK", key("z"), 0, r.randrange(3)],
            lambda: ["ZREMRANGEBYSCORE", key("z"), 10, 12],
            lambda: ["ZRANGESTORE", key("z"), key("z"), 0, r.randrange(20)],
            lambda: ["ZUNIONSTORE", key("z"), 2, key("z"), key("z"), "WEIGHTS", 2, 0.5],
            lambda: ["ZINTERSTORE", key("z"), 2, key("z"), key("e"), "AGGREGATE", "MAX"],
            lambda: ["SORT", key("l"), "ALPHA", "STORE", key("l")],
        ]
        if self.scripts:
            makers.append(lambda: ["EVAL", SCRIPT, 3, key("s"), key("l"), key("e")])
        self.makers = lambda: makers
        return makers


def _lines(reader):
    """Reads one reply."""
    line = reader.readline()
    assert line, "the connection was closed"
    kind, rest = line[:1], line[1:-2]
    if kind == b"$" and rest != b"-1":
        reader.read(int(rest) + 2)
    elif kind == b"*":
        for _ in range(max(0, int(rest))):
            _lines(reader)


def write(port, seed, count):
    """Sends `count` requests or transactions over one connection, a hundred at a time."""
    writes = Writes(seed)
    with socket.create_connection(("127.0.0.1", port), timeout=15) as peer:
        reader = peer.makefile("rb", 1 << 16)
        for start in range(0, count, 100):
            blocks = [writes.block() for _ in range(min(100, count - start))]
            peer.sendall(b"".join(block for block, _ in blocks))
            for _ in range(sum(replies for _, replies in blocks)):
                _lines(reader)


def write_from_many(port, connections, count, seed=1):
    """`count` requests in all, over several connections at once."""
    failures = []

    def run(number):
        try:
            write(port, seed * 1000 + number, count // connections)
        except BaseException as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
