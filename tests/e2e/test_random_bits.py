"""Random commands on bits, HyperLogLogs and places on earth: the replies, strings and scores of
redis-server for the same ones.
"""

import random

import pytest

from support.reference import Reference
from support.side_by_side import compare

SEED = 20261123


@pytest.fixture
def both(make_node, tmp_path):
    """The ports of a node and of a redis-server."""
    reference = Reference(tmp_path / "reference")
    try:
        yield make_node("--io-threads", "2", "--enable-debug-command", "yes").port, reference.port
    finally:
        reference.stop()


def _bit_requests(rng, count):
    keys = ["b%d" % i for i in range(6)]
    edges = [-(2**63), 2**63 - 1, -1, 0, 1, 2**31, 2**32 - 1, 2**32, "x"]
    lengths = [3, 40, 3000, 40_000, 1 << 20, 3 << 20]

    def key():
        return "missing" if rng.random() < 0.05 else "list" if rng.random() < 0.01 else rng.choice(keys)

    def place(most):
        return rng.choice(edges) if rng.random() < 0.05 else rng.randrange(-most, most)

    def ends():
        most = rng.choice(lengths)
        span = [place(most), place(most)][: rng.choice([0, 1, 2, 2, 2])]
        unit = [rng.choice(["BIT", "bit", "BYTE", "x"])] if len(span) == 2 and rng.random() < 0.5 else []
        return span + unit

    def step():
        kind = rng.choice("ui") + str(rng.choice([1, 3, 8, 16, 31, 62, 63, 64, 65, 0]))
        kind = kind if rng.random() < 0.98 else "x8"
        offset = rng.choice(["#%d", "%d"]) % rng.randrange(rng.choice([100, 5000, 300_000]))
        value = rng.choice(edges[:-1]) if rng.random() < 0.3 else rng.randrange(-300, 300)
        action = rng.choice(["GET", "SET", "INCRBY"])
        over = ["OVERFLOW", rng.choice(["WRAP", "SAT", "fail"])] if rng.random() < 0.5 else []
        return over + [action, kind, offset] + ([] if action == "GET" else [value])

    yield ["RPUSH", "list", "x"]
    for number in range(count):
        choice = rng.random()
        if choice < 0.1:
            yield ["SETBIT", key(), abs(rng.randrange(8 * rng.choice(lengths))), rng.choice([0, 1])]
        elif choice < 0.2:
            yield ["GETBIT", key(), place(rng.choice(lengths) * 8)]
        elif choice < 0.3:
            start = rng.randrange(rng.choice(lengths))
            patch = rng.choice([b"\0", b"\xff", rng.randbytes(1)]) * rng.randrange(1, 3000)
            yield ["SETRANGE", key(), start, patch]
        elif choice < 0.33:
            yield ["SET", rng.choice(keys), rng.choice([b"", b"12345", rng.randbytes(30), b"\xff" * 99])]
        elif choice < 0.36:
            yield ["DEL", rng.choice(keys)]
        elif choice < 0.5:
            yield ["BITCOUNT", key(), *ends()]
        elif choice < 0.65:
            yield ["BITPOS", key(), rng.choice([0, 1, 1, 0, 2]), *ends()]
        elif choice < 0.72:
            sources = [key() for _ in range(rng.randrange(1, 5))]
            yield ["BITOP", rng.choice(["AND", "or", "XOR", "NOT"]), rng.choice(keys), *sources]
        elif choice < 0.95:
            name = rng.choice(["BITFIELD", "BITFIELD", "BITFIELD_RO"])
            yield [name, key(), *(word for _ in range(rng.randrange(4)) for word in step())]
        elif choice < 0.98:
            yield ["STRLEN", key()]
        else:
            yield ["DEBUG", "DIGEST-VALUE", *keys[:2]]
        if number % 1000 == 999:
            yield ["DEBUG", "DIGEST"]


def test_bits_are_those_of_redis(both):
    compare(*both, _bit_requests(random.Random(SEED), 12_000))


def _sketch_requests(rng, count):
    keys = ["h%d" % i for i in range(8)]
    # Of several elements, Redis keeps those before the one that it fails at; a node keeps none.
    broken = ["c%d" % i for i in range(3)]

    def elements():
        kind = rng.random()
        if kind < 0.4:
            return [rng.randrange(200) for _ in range(rng.randrange(4))]
        length = rng.choice([1, 5, 8, 13, 100])
        return [rng.randbytes(length) for _ in range(rng.choice([1, 10, 100, 1500]))]

    for number in range(count):
        choice = rng.random()
        if choice < 0.4:
            yield ["PFADD", rng.choice(keys), *elements()]
        elif choice < 0.5:
            yield ["PFCOUNT", *(rng.choice(keys + ["missing"]) for _ in range(rng.randrange(1, 5)))]
        elif choice < 0.58:
            yield ["PFMERGE", *(rng.choice(keys + ["missing"]) for _ in range(rng.randrange(1, 4)))]
        elif choice < 0.75:
            yield ["GET", rng.choice(keys)]
        elif choice < 0.8:
            yield ["PFDEBUG", rng.choice(["DECODE", "encoding", "foo"]), rng.choice(keys)]
        elif choice < 0.82:
            yield ["PFDEBUG", rng.choice(["TODENSE", "GETREG"]), rng.choice(keys)]
        elif choice < 0.87:
            yield ["DEL", rng.choice(keys), "missing"]
        elif choice < 0.89:
            yield ["CONFIG", "SET", "hll-sparse-max-bytes", rng.choice([0, 100, 3000, 3000, 9000])]
        elif choice < 0.93:
            yield ["OBJECT", "ENCODING", rng.choice(keys)]
        elif choice < 0.95:
            key = rng.choice(broken)
            yield ["DEL", key]
            yield ["PFADD", key, *elements()]
            yield ["APPEND", key, rng.choice([b"\x7f\xff", b"\0", b"\x84", b"\x40"])]
        elif choice < 0.98:
            key = rng.choice(broken)
            yield ["SET", key, rng.choice([b"HYLL", b"12", b"HYLL\1" + b"\0" * 11])]
            yield rng.choice([["PFADD", key, "x"], ["PFCOUNT", key, keys[0]], ["PFMERGE", keys[0], key]])
            yield rng.choice([["PFDEBUG", "DECODE", key], ["PFDEBUG", "GETREG", key], ["GET", key]])
        else:
            yield ["STRLEN", rng.choice(keys)]
        if number % 500 == 499:
            yield ["DEBUG", "DIGEST"]


def test_sketches_are_those_of_redis(both):
    compare(*both, _sketch_requests(random.Random(SEED), 8_000))


def _place_requests(rng, count):
    keys = ["g%d" % i for i in range(4)]
    members = ["m%d" % i for i in range(400)]
    centres = [(0, 0), (13.3, 38.1), (-179.99, 10), (179.99, -60), (30, 84.9), (-70, -85), (-0.01, 66)]
    options = [["ASC"], ["DESC"], ["WITHCOORD"], ["WITHDIST"], ["WITHHASH"], ["ANY"], ["COUNT", 5]]

    def place():
        if rng.random() < 0.5:
            x, y = rng.choice(centres)
            spread = rng.choice([1e-4, 0.1, 3, 20])
            place = x + rng.gauss(0, spread), y + rng.gauss(0, spread)
        else:
            place = rng.uniform(-180, 180), rng.uniform(-85.05, 85.05)
        return rng.choice(["%.6f %.6f", "%.17f %.17f", "%g %g"]) % place

    def length():
        value = rng.choice([0, 1, 10 ** rng.uniform(-2, 5), 10 ** rng.uniform(-2, 8), "inf", "-1", "x"])
        return value if rng.random() < 0.1 else 10 ** rng.uniform(0, 7.3)

    def unit():
        return rng.choice(["m", "M", "km", "ft", "mi"]) if rng.random() < 0.99 else "yd"

    def chosen():
        taken = rng.sample(options, rng.choice([0, 1, 1, 2, 3]))
        return [word for option in taken for word in option]

    def search():
        centre = ["FROMMEMBER", rng.choice(members)] if rng.random() < 0.4 else ["FROMLONLAT", *place().split()]
        shape = ["BYRADIUS", length(), unit()] if rng.random() < 0.5 else ["BYBOX", length(), length(), unit()]
        parts = [centre, shape, chosen()]
        if rng.random() < 0.03:
            parts[rng.randrange(3)] = []
        rng.shuffle(parts)
        return [word for part in parts for word in part]

    def around():
        if rng.random() < 0.5:
            return "GEORADIUS", [*place().split(), length(), unit()]
        return "GEORADIUSBYMEMBER", [rng.choice(members), length(), unit()]

    yield ["SET", "string", "x"]
    for number in range(count):
        key = rng.choice(keys) if rng.random() < 0.98 else rng.choice(["missing", "string"])
        choice = rng.random()
        if choice < 0.3:
            words = [w for _ in range(rng.randrange(1, 30)) for w in [*place().split(), rng.choice(members)]]
            yield ["GEOADD", key, *rng.choice([[], [], ["NX"], ["xx", "CH"], ["CH"]]), *words]
        elif choice < 0.35:
            yield ["GEODIST", key, rng.choice(members), rng.choice(members), unit()]
        elif choice < 0.45:
            yield [rng.choice(["GEOPOS", "GEOHASH"]), key, *rng.sample(members, rng.randrange(4))]
        elif choice < 0.5:
            # Any score is a place.
            score = rng.choice([2**52, 2**60, -1, 0.5, "inf", "-inf", rng.uniform(-1e6, 1e20)])
            yield ["ZADD", "odd", score, rng.choice(members)]
            yield ["GEOPOS", "odd", *rng.sample(members, 20)]
        elif choice < 0.53:
            yield ["ZREM", key, *rng.sample(members, 30)]
        elif choice < 0.55:
            yield ["DEL", key if key != "string" else "missing"]
        elif choice < 0.8:
            yield ["GEOSEARCH", key, *search()]
        elif choice < 0.85:
            store = ["STOREDIST"] if rng.random() < 0.4 else []
            yield ["GEOSEARCHSTORE", "to", key, *search(), *store]
            yield ["ZRANGE", "to", 0, -1, "WITHSCORES"]
        elif choice < 0.95:
            name, words = around()
            yield [name + rng.choice(["", "_RO"]), key, *words, *chosen()]
        else:
            name, words = around()
            yield [name, key, *words, *chosen(), rng.choice(["STORE", "STOREDIST"]), "to"]
            yield ["ZRANGE", "to", 0, -1, "WITHSCORES"]
        if number % 500 == 499:
            yield ["DEBUG", "DIGEST"]


def test_places_are_those_of_redis(both):
    compare(*both, _place_requests(random.Random(SEED), 12_000))
