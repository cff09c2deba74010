"""What many connections cause at once, with one loop and with four: nothing is lost or doubled, and
everybody sees things in an order that they can have happened in."""

import random
import threading
from collections import Counter, defaultdict

import pytest

from support.transcript import Reader
from support.waiting import until

LIMIT_S = 60


@pytest.fixture(params=[1, 4], ids=["1-loop", "4-loops"])
def node(request, make_node):
    """A node of ours."""
    return make_node("--io-threads", str(request.param), "--save", "")


def _run(threads):
    """Runs functions on threads; the first failure of any is this test's."""
    failures = []

    def guarded(call):
        try:
            call()
        except BaseException as problem:
            failures.append(problem)

    running = [threading.Thread(target=guarded, args=(call,), daemon=True) for call in threads]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(LIMIT_S)
        assert not thread.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


QUEUES = ["q1", "q2", "q3"]
ELEMENTS = 1500
PUSHERS = 3
TAKERS = 6
MOVERS = 4


class Crowd:
    """Connections that wait, push, and end each other's waits."""

    def __init__(self, port, seed):
        self.port = port
        self.seed = seed
        self.taken = Counter()
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.ids = {}
        self.ends = Counter()

    def pusher(self, number):
        """Pushes numbered elements, sometimes several, in transactions or scripts."""
        dice = random.Random(self.seed + number)
        reader = Reader(self.port, LIMIT_S)
        at = 0
        while at < ELEMENTS:
            queue = dice.choice(QUEUES)
            words = [f"{number}:{at + i}" for i in range(dice.choice([1, 1, 1, 2, 5]))]
            at += len(words)
            way = dice.random()
            if way < 0.7:
                assert reader.ask(dice.choice(["RPUSH", "LPUSH"]), queue, *words)[0] == ":"
            elif way < 0.9:
                reader.ask("MULTI")
                reader.ask("RPUSH", queue, *words)
                reader.ask("PING")
                assert reader.ask("EXEC")[0] == "["
            else:
                script = "return redis.call('RPUSH', KEYS[1], unpack(ARGV))"
                assert reader.ask("EVAL", script, 1, queue, *words)[0] == ":"
        with self.lock:
            self.taken[("pushed", number)] = at
        reader.close()

    def taker(self, number):
        """Takes elements with short timeouts; is unblocked now and then, never killed."""
        dice = random.Random(self.seed + 100 + number)
        reader = Reader(self.port, LIMIT_S)
        with self.lock:
            self.ids[f"taker-{number}"] = reader.ask("CLIENT", "ID")[1:]
        got = []
        while not self.over.is_set():
            queues = dice.sample(QUEUES, dice.choice([1, 2, 3]))
            timeout = dice.choice(["0.001", "0.002", "0.01"])
            if dice.random() < 0.5:
                reply = reader.ask(dice.choice(["BLPOP", "BRPOP"]), *queues, timeout)
            else:
                side = dice.choice(["LEFT", "RIGHT"])
                reply = reader.ask("BLMPOP", timeout, len(queues), *queues, side, "COUNT", 2)
            if reply.startswith("["):
                items = [part.strip("[]' ") for part in reply.split(",")[1:]]
                got += items
                self._count("served")
            elif reply.startswith("-UNBLOCKED"):
                self._count("unblocked")
            else:
                assert reply == "nil[]", reply
                self._count("timed out")
        with self.lock:
            self.taken.update(got)
        reader.close()

    def mover(self, number):
        """Moves elements to a list of its own; may be killed, and comes again."""
        dice = random.Random(self.seed + 200 + number)
        reader = None
        while not self.over.is_set():
            if reader is None:
                reader = Reader(self.port, LIMIT_S)
                identity = reader.ask("CLIENT", "ID")
                with self.lock:
                    self.ids[f"mover-{number}"] = identity[1:]
            source = dice.choice(QUEUES)
            try:
                reply = reader.ask("BLMOVE", source, f"own-{number}", "LEFT", "RIGHT", "0.005")
            except OSError:
                reply = "<closed>"
            if reply.startswith("<"):
                self._count("killed")
                reader.close()
                reader = None
        if reader:
            reader.close()

    def troublemaker(self):
        """Unblocks anybody and kills movers."""
        dice = random.Random(self.seed + 300)
        reader = Reader(self.port, LIMIT_S)
        while not self.over.is_set():
            with self.lock:
                name, identity = dice.choice(list(self.ids.items()) or [("", "0")])
            if name.startswith("mover") and dice.random() < 0.3:
                reader.ask("CLIENT", "KILL", "ID", identity)
            else:
                reader.ask("CLIENT", "UNBLOCK", identity, dice.choice(["TIMEOUT", "ERROR"]))
        reader.close()

    def _count(self, end):
        with self.lock:
            self.ends[end] += 1


@pytest.mark.parametrize("seed", [1, 2])
def test_a_waiter_served_timed_out_killed_and_unblocked_at_once(node, seed):
    crowd = Crowd(node.port, seed)
    client = node.redis()

    def push_all():
        _run([lambda n=n: crowd.pusher(n) for n in range(PUSHERS)])
        left = lambda: sum(client.llen(queue) for queue in QUEUES) == 0
        until(left, "all elements are taken", LIMIT_S)
        crowd.over.set()

    threads = [push_all, crowd.troublemaker]
    threads += [lambda n=n: crowd.taker(n) for n in range(TAKERS)]
    threads += [lambda n=n: crowd.mover(n) for n in range(MOVERS)]
    _run(threads)
    pushed = {n: crowd.taken.pop(("pushed", n)) for n in range(PUSHERS)}
    moved = [e for n in range(MOVERS) for e in client.lrange(f"own-{n}", 0, -1)]
    crowd.taken.update(moved)
    wanted = Counter(f"{n}:{at}" for n, count in pushed.items() for at in range(count))
    assert crowd.taken == wanted, (crowd.taken - wanted, wanted - crowd.taken)
    assert len(moved) > 0 and all(crowd.ends[end] > 0 for end in ("served", "timed out", "killed"))
    until(lambda: client.info("clients")["blocked_clients"] == 0, "nobody is blocked")


PUBLISHERS = 4
ROUNDS = 400
KEYS = 3


def _listen(port, *subscribe):
    reader = Reader(port, LIMIT_S)
    reader.send(*subscribe)
    for _ in subscribe[1:] or [None]:
        reader.read()
    return reader


def _heard(reader, last):
    """Everything up to the message that says `last`."""
    lines = []
    while last not in (line := reader.read()):
        assert line != "<closed>"
        lines.append(line)
    reader.close()
    return lines


class Copies:
    """A connection that reads lengths again only when it was told that they changed."""

    def __init__(self, port):
        self.reader = Reader(port, LIMIT_S)
        self.reader.ask("HELLO", "3")
        self.reader.ask("CLIENT", "TRACKING", "ON")
        self.lengths = {}
        self.told = 0
        self.over = threading.Event()

    def ask(self, *words):
        """A reply; invalidations on the way there are heeded. True as second when one of them
        was about the very key."""
        self.reader.send(*words)
        stale = False
        while (line := self.reader.read()).startswith(">"):
            key = line.split("[")[-1].strip("]' ")
            self.lengths.pop(key, None)
            self.told += 1
            stale |= key == words[-1]
        return line, stale

    def run(self):
        """Keeps copies up to date until told to end."""
        while not self.over.is_set():
            for key in (f"k{number}" for number in range(KEYS)):
                if key not in self.lengths:
                    length, stale = self.ask("LLEN", key)
                    if not stale:
                        self.lengths[key] = length
            self.ask("PING")


def test_order_of_monitor_key_events_pubsub_invalidations_per_key_and_per_publisher(node):
    client = node.redis()
    client.config_set("notify-keyspace-events", "Kl")
    monitors = [_listen(node.port, "MONITOR") for _ in range(2)]
    events = [_listen(node.port, "PSUBSCRIBE", "__key*", "end") for _ in range(2)]
    listeners = [_listen(node.port, "SUBSCRIBE", "news", "end") for _ in range(3)]

    def publisher(number):
        dice = random.Random(number)
        reader = Reader(node.port, LIMIT_S)
        for at in range(ROUNDS):
            reader.send(dice.choice(["LPUSH", "RPUSH"]), f"k{dice.randrange(KEYS)}", f"{number}:{at}")
            reader.send("PUBLISH", "news", f"{number}:{at}")
        for _ in range(2 * ROUNDS):
            assert reader.read().startswith(":")
        reader.close()

    copies = [Copies(node.port) for _ in range(2)]

    def publish_all():
        _run([lambda n=n: publisher(n) for n in range(PUBLISHERS)])
        for one in copies:
            one.over.set()

    _run([publish_all, *(one.run for one in copies)])
    for one in copies:
        # What was pushed before is in front of this reply, or of the next one.
        one.ask("PING")
        one.ask("PING")
        assert one.told > 0
        for key, length in one.lengths.items():
            assert length == f":{client.llen(key)}", f"the copy of {key} is stale"
        one.reader.close()
    client.publish("end", "over")
    shown = [_heard(monitor, '"over"') for monitor in monitors]
    assert shown[0] == shown[1], "all monitors see the same"
    pushes = defaultdict(list)
    said = defaultdict(list)
    for line in shown[0]:
        words = line.split('"')[1::2]
        if words[0] in ("LPUSH", "RPUSH"):
            pushes[words[1]].append((words[0].lower(), words[2]))
        if words[0] in ("LPUSH", "RPUSH", "PUBLISH"):
            said[words[2].split(":")[0]].append((words[0], words[2]))
    for key, done in pushes.items():
        # The list itself tells in which order the pushes happened.
        expected = []
        for end, value in done:
            expected = [value, *expected] if end == "lpush" else [*expected, value]
        assert client.lrange(key, 0, -1) == expected, key
    for number, words in said.items():
        order = [int(value.split(":")[1]) for _, value in words]
        assert order == sorted(order), f"publisher {number} is shown in its own order"
        assert len(order) == 2 * ROUNDS
    for reader in events:
        by_key = defaultdict(list)
        for line in _heard(reader, "'over'"):
            _, _, channel, event = [part.strip("[]' ") for part in line.split(",")]
            by_key[channel.split(":")[1]].append(event)
        for key, done in pushes.items():
            assert by_key[key] == [event for event, _ in done], f"events of {key}"
    heard = [_heard(reader, "'over'") for reader in listeners]
    assert heard[0] == heard[1] == heard[2], "all subscribers hear the same order"
    for number in range(PUBLISHERS):
        own = [line for line in heard[0] if f"'{number}:" in line]
        assert own == [f"['message', 'news', '{number}:{at}']" for at in range(ROUNDS)]
