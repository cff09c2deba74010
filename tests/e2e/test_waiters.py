"""Blocking commands and WATCH: the hard cases, each with one loop and with four, and each compared
word for word with redis-server."""

import pytest

from support.reference import Reference
from support.transcript import play


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A redis-server for all tests of this file."""
    server = Reference(tmp_path_factory.mktemp("reference"))
    yield server
    server.stop()


@pytest.fixture(params=[1, 4], ids=["1-loop", "4-loops"])
def node(request, make_node):
    """A node of ours."""
    options = ("--save", "", "--enable-debug-command", "yes")
    return make_node("--io-threads", str(request.param), *options)


@pytest.fixture
def same(reference, node):
    """Plays a script on both, and wants the same transcript."""

    def check(script):
        wanted = play(reference.port, "z> FLUSHALL\n" + script)
        assert play(node.port, "z> FLUSHALL\n" + script) == wanted

    return check


CHAINS = [
    # A chain across many shards, and who waits at its end.
    """
    b>> BLMOVE k1 k2 LEFT RIGHT 0
    c>> BRPOPLPUSH k2 k3 0
    d>> BLMOVE k3 k4 RIGHT LEFT 0
    e>> BLMOVE k4 k5 RIGHT LEFT 0
    f>> BLPOP none k5 0
    a> RPUSH k1 x y
    b<
    c<
    d<
    e<
    f<
    a> LRANGE k1 0 -1
    a> EXISTS k2 k3 k4 k5
    """,
    # A circle: the element comes back to where it was pushed.
    """
    b>> BLMOVE k1 k2 LEFT LEFT 0
    c>> BLMOVE k2 k3 LEFT LEFT 0
    d>> BLMOVE k3 k1 LEFT LEFT 0
    a> RPUSH k1 x
    b<
    c<
    d<
    a> LRANGE k1 0 -1
    """,
    # A circle with a second waiter on its start, who gets what came round.
    """
    b>> BRPOPLPUSH k1 k2 0
    c>> BRPOPLPUSH k1 k2 0
    d>> BRPOPLPUSH k2 k1 0
    a> RPUSH k1 x
    b<
    d<
    c<
    a> LRANGE k1 0 -1
    a> LRANGE k2 0 -1
    """,
    # Onto itself.
    """
    b>> BRPOPLPUSH k k 0
    c>> BLMOVE k k LEFT RIGHT 0
    d>> BLPOP k 0
    a> RPUSH k 1 2 3
    b<
    c<
    d<
    a> LRANGE k 0 -1
    """,
    # A destination of the wrong type loses neither the element nor its place.
    """
    a> SET bad v
    b>> BLMOVE k bad LEFT LEFT 0
    c>> BLMOVE k good RIGHT LEFT 0
    a> RPUSH k x y z
    b<
    c<
    a> LRANGE k 0 -1
    a> LRANGE good 0 -1
    """,
    # The destination becomes wrong while the chain runs.
    """
    b>> BLMOVE k1 k2 LEFT LEFT 0
    c>> BLMOVE k2 k3 LEFT LEFT 0
    a> SET k3 v
    a> RPUSH k1 x
    b<
    c<
    a> LRANGE k2 0 -1
    """,
    # Transactions and linked moves: served after the whole EXEC.
    """
    b>> BLMOVE k1 k2 LEFT LEFT 0
    c>> BLPOP k2 0
    a> MULTI
    a> RPUSH k1 x
    a> LRANGE k1 0 -1
    a> EXISTS k2
    a> LPUSH k2 first
    a> EXEC
    b<
    c<
    a> LRANGE k1 0 -1
    a> LRANGE k2 0 -1
    """,
    """
    b>> BLPOP k 0
    c>> BZPOPMIN k 0
    a> MULTI
    a> RPUSH k x
    a> DEL k
    a> ZADD k 1 m 2 n
    a> EXEC
    c<
    a> DEL k
    a> RPUSH k y
    b<
    """,
    # Scripts are served after their end too.
    """
    b>> BLPOP k 0
    a> EVAL "redis.call('RPUSH','k','x'); redis.call('LSET','k',0,'y'); return redis.call('LLEN','k')" 0
    b<
    a> EVAL "return redis.call('BLMPOP',0,1,'k','LEFT')" 0
    """,
]


@pytest.mark.parametrize("script", CHAINS)
def test_blmove_chains_across_shards_circular_and_self_referential(same, script):
    same(script)


WAKERS = [
    ("RENAME from k", "RPUSH from x y"),
    ("RENAMENX from k", "RPUSH from x y"),
    ("COPY from k", "RPUSH from x y"),
    ("LMOVE from k LEFT LEFT", "RPUSH from x y"),
    ("SWAPDB 0 2", "SELECT 2|RPUSH k x y|SELECT 0"),
    ("MOVE k 0", "SELECT 2|RPUSH k x y"),
    ("COPY k k DB 0", "SELECT 2|RPUSH k x y"),
    ("LINSERT k BEFORE x y", "PING"),
    ("RPUSHX k x", "PING"),
]


@pytest.mark.parametrize("wake,prepare", WAKERS)
def test_whatever_makes_a_key_wakes_who_waits(same, wake, prepare):
    steps = "\n".join(f"a> {step}" for step in prepare.split("|"))
    same(f"""
    b>> BLPOP k 0
    {steps}
    a> {wake}
    a> SELECT 0
    a> RPUSH k last
    b<
    a> LRANGE k 0 -1
    """)


ENDS = [
    """
    b> CLIENT SETNAME b
    b> BLPOP k 0.05
    B> BLMOVE k l LEFT LEFT 0.05
    b> BZPOPMIN k 0.01
    """,
    """
    b>> BLPOP k1 k2 0
    c>> BRPOP k2 0
    a> RPUSH k2 1
    b<
    a> RPUSH k2 2
    c<
    B>> BZMPOP 0 2 z1 z2 MAX COUNT 2
    a> ZADD z2 1.5 m 2 n 3 o
    B<
    B>> BZPOPMIN z3 0
    a> ZADD z3 inf m
    B<
    """,
    """
    b> MULTI
    b> BLPOP k 0
    b> BRPOP k 0
    b> BLMOVE k l LEFT LEFT 0
    b> BRPOPLPUSH k l 0
    b> BLMPOP 0 1 k LEFT
    b> BZPOPMIN k 0
    b> BZPOPMAX k 0
    b> BZMPOP 0 1 k MIN
    b> EXEC
    B> MULTI
    B> BLPOP k 0
    B> BLMOVE k l LEFT LEFT 0
    B> EXEC
    """,
]


@pytest.mark.parametrize("script", ENDS)
def test_how_waits_end(same, script):
    same(script)


EVENTS = """
    SET k v|SET k w EX 100|SETNX k x|SETNX n x|SETEX k 10 v|PSETEX k 10000 v|GETSET k z|APPEND k y
    SETRANGE k 1 abc|SETRANGE k 0 ""|INCR c|DECRBY c 5|INCRBYFLOAT c 1.5|MSET a 1 b 2|MSETNX a 1 q 2
    MSETNX q 1 r 2|GETEX k EX 100|GETEX k PERSIST|GETEX k PERSIST|GETDEL k|GETDEL none|GET none
    DEL a b none|UNLINK q|EXPIRE r 100|PERSIST r|EXPIRE r -1|RENAME c d|RENAME d d|COPY d e
    COPY d e REPLACE|COPY d d DB 3|MOVE e 3|MOVE e 3|EXISTS none d|TYPE none|TTL none|OBJECT ENCODING none
    LPUSH l a b c|RPUSH l d|LPUSHX l e|RPUSHX none e|LSET l 0 f|LINSERT l BEFORE a g|LINSERT l AFTER z g
    LREM l 0 zzz|LREM l 1 g|LTRIM l 0 3|LTRIM l 0 -1|LPOP l|RPOP l 2|RPOPLPUSH l m|LMOVE m l LEFT RIGHT
    RPOPLPUSH l l|LMPOP 2 none l LEFT COUNT 9|LPUSH l 1 2|LTRIM l 5 9|BLPOP l 0.01|RPUSH l 9|BLPOP l 0
    BRPOPLPUSH l m 0.01|RPUSH l 8 7|BLMOVE l m LEFT LEFT 0|BLMPOP 0 1 l LEFT COUNT 9|LRANGE none 0 -1
    HSET h f v|HSET h f v|HMSET h g w|HSETNX h f x|HSETNX h i x|HINCRBY h n 5|HINCRBYFLOAT h n 1.5
    HDEL h none|HDEL h f g i|HDEL h n|HGET h f|HINCRBY h n 5
    SADD s 1 2 3|SADD s 1|SREM s 9|SREM s 1|SMOVE s t 2|SMOVE s t 9|SADD s 4|SADD t 4|SMOVE s t 4
    SINTERSTORE x s t|SUNIONSTORE x s t|SDIFFSTORE x s t|SINTERSTORE x none t|SPOP s 99
    SADD s 1|SPOP s|SADD s 1 2|EVAL "return #redis.call('SPOP','s',1)" 0|SREM s 1 2
    ZADD z 1 a 2 b 3 c 4 d 5 e|ZADD z 1 a|ZADD z XX 9 none|ZADD z INCR 1 a|ZINCRBY z 1 a|ZREM z none
    ZREM z a|ZREMRANGEBYRANK z 0 0|ZREMRANGEBYSCORE z 3 3|ZREMRANGEBYLEX z [d [d|ZPOPMIN z|ZPOPMAX z
    ZADD z 1 a 2 b|ZUNIONSTORE y 1 z|ZINTERSTORE y 1 z|ZDIFFSTORE y 2 z none|ZRANGESTORE y z 0 0
    ZRANGESTORE y z 9 9|ZDIFFSTORE y 2 z z|ZMPOP 1 z MIN COUNT 1|BZPOPMAX z 0|BZPOPMAX z 0.01
    ZADD z 1 a|BZMPOP 0 1 z MIN|SET p v PX 1|DEBUG SLEEP 0.01|GET p|SET p v PX 1|DEBUG SLEEP 0.01|SET p w
    RPUSH l 3 1 2|SORT l STORE o|SORT none STORE o|SORT none STORE o|MULTI|SET k 1|DEL k|EXEC
    EVAL "redis.call('SET','k','1');redis.call('INCR','k');return redis.call('DEL','k')" 0|FLUSHDB
"""


@pytest.mark.parametrize("classes", ["AKEmn", "KA", "Exg$", "Kl", "A", "mE", "nK", ""])
def test_key_events_of_every_command(same, classes):
    steps = [step.strip() for line in EVENTS.splitlines() for step in line.split("|") if step.strip()]
    lines = ["a> DEBUG SET-ACTIVE-EXPIRE 0", f'a> CONFIG SET notify-keyspace-events "{classes}"']
    lines += ["a> CONFIG GET notify-keyspace-events", "s> PSUBSCRIBE __key*"]
    # Blocking commands that find nothing end by their own timeout.
    heard = [line for step in steps for line in (f"a> {step}", "s*")]
    same("\n".join([*lines, *heard, "a> CONFIG SET notify-keyspace-events q"]))


def test_key_events_of_those_who_are_served(same):
    same("""
    a> CONFIG SET notify-keyspace-events KEAn
    s> PSUBSCRIBE __key*
    b>> BLMOVE k1 k2 LEFT RIGHT 0
    c>> BLPOP k2 0
    d>> BZPOPMIN z 0
    a> MULTI
    a> RPUSH k1 x
    a> ZADD z 1 m
    a> SET other v
    a> EXEC
    b<
    c<
    d<
    s*
    """)


def test_monitor_shows_what_runs_in_its_order(same):
    script = r"""
    a> CONFIG SET notify-keyspace-events ""
    b> PING
    m> MONITOR
    a> SET k "a\\nb"
    a> NOSUCH
    a> GET
    a> LPUSH k x
    a> MULTI
    a> SET k 1
    a> GET k
    a> EXEC
    b> WATCH k
    a> SET k 2
    b> MULTI
    b> SET k 3
    b> EXEC
    b> MULTI
    b> NOSUCH
    b> EXEC
    a> EVAL "redis.call('set','k','2'); return redis.call('get','k')" 0
    a> EVALSHA abc 0
    a> FCALL nofunction 0
    a> BLPOP none 0.01
    a> CONFIG GET save
    a> SELECT 3
    a> HELLO 9
    a> AUTH wrong
    a> PING
    a> SUBSCRIBE c
    """
    shown = 23
    same(script + "\n".join(["m+"] * shown) + "\nm> GET k\nb> CLIENT LIST TYPE master")


def test_invalidations_of_what_was_read(same):
    same("""
    a> SET k v
    R> CLIENT TRACKING ON
    R> GET k
    R> GET none
    R> MGET k1 k2 k1
    a> SET k w
    R<
    a> SET k x
    a> SET none v
    R<
    a> DEL k1
    a> RPUSH k2 a
    R<
    R> GET k
    R> SET k own
    R<
    R> LRANGE k2 0 -1
    a> MULTI
    a> LPOP k2
    a> SET k y
    a> EXEC
    R<
    R> GET k
    a> FLUSHALL
    R<
    R> CLIENT TRACKING OFF
    R> GET k
    R> CLIENT TRACKING ON NOLOOP
    R> CLIENT TRACKINGINFO
    R> CLIENT GETREDIR
    R> GET k
    R> SET k mine
    R> GET k
    a> SET k theirs
    R<
    R> PING
    R> CLIENT TRACKING ON BOGUS
    """)


WATCHES = {
    "absent, present, absent": "SET k v|DEL k",
    "present, absent, present": "x:SET k v|DEL k|SET k v",
    "untouched": "x:SET k v|GET k|TTL k",
    "same value": "x:SET k v|SET k v",
    "set to what it has": "x:SADD k a|SADD k a",
    "nothing removed": "x:SADD k a|SREM k b",
    "renamed away": "x:SET k v|RENAME k l",
    "renamed onto": "SET l v|RENAME l k",
    "moved away": "x:SET k v|MOVE k 3",
    "copied onto": "SET l v|COPY l k",
    "persisted": "x:SET k v EX 100|PERSIST k",
    "a time of death": "x:SET k v|EXPIRE k 100",
    "flushed while present": "x:SET k v|FLUSHDB",
    "flushed while absent": "FLUSHALL",
    "swapped, present here": "x:SET k v|SWAPDB 0 3",
    "swapped, present there": "x:SELECT 3|x:SET k v|x:SELECT 0|SWAPDB 0 3",
    "swapped, absent in both": "SWAPDB 0 3",
    "swapped twice": "x:SET k v|SWAPDB 0 3|SWAPDB 0 3",
    "others swapped": "x:SET k v|SWAPDB 2 3",
    "swapped with a dead one": "x:SELECT 3|x:SET k v PX 1|x:SELECT 0|x:DEBUG SLEEP 0.01|SWAPDB 0 3",
    "dead already": "x:SET k v PX 1|x:DEBUG SLEEP 0.01",
    "dead already, met": "x:SET k v PX 1|x:DEBUG SLEEP 0.01|GET k",
    "dead already, made again": "x:SET k v PX 1|x:DEBUG SLEEP 0.01|SET k v",
    "dead already, met and made again": "x:SET k v PX 1|x:DEBUG SLEEP 0.01|GET k|SET k v|DEL k",
    "dead already, flushed": "x:SET k v PX 1|x:DEBUG SLEEP 0.01|FLUSHALL",
    "dead already, swapped": "x:SET k v PX 1|x:DEBUG SLEEP 0.01|SWAPDB 0 3",
    "dies later": "x:SET k v PX 20|DEBUG SLEEP 0.03",
    "dies later and is met": "x:SET k v PX 20|DEBUG SLEEP 0.03|GET k",
    "another database": "SELECT 3|SET k v|SELECT 0",
    "a list made and emptied": "RPUSH k a|LPOP k",
    "another key": "SET other v",
}


@pytest.mark.parametrize("active", ["0", "1"])
@pytest.mark.parametrize("steps", WATCHES.values(), ids=WATCHES)
def test_watch_absent_present_absent_expired_key_swapdb(same, steps, active):
    before, after = [], []
    for step in steps.split("|"):
        (before if step.startswith("x:") else after).append("a> " + step.removeprefix("x:"))
    lines = [f"a> DEBUG SET-ACTIVE-EXPIRE {active}", *before, "b> WATCH k", *after]
    same("\n".join([*lines, "b> MULTI", "b> PING", "b> EXEC", "b> EXEC"]))
