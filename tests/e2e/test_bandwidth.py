"""The bandwidth of a class as clients feel it: nobody gets more, all get their share, nothing is
lost on the way, and other work goes on."""

import selectors
import socket
import threading
import time

import pytest

from support.sdk import ApiError, NewSdk
from support.waiting import until

PASSWORD = "Bandwidth-2026"
MB = 1 << 20
# The class with the least: 10 MB/s.
CAP = 10 * MB
VALUE = b"v" * MB
ANSWER_BYTES = len(b"$1048576\r\n") + MB + len(b"\r\n")


class Subject:
    """An instance of a small class, with one value of 1 MB in it."""

    def __init__(self, larder):
        self.larder = larder
        self.sdk = NewSdk(larder.ready)
        created = self.sdk.create(password=PASSWORD, instance_class="redis.master.small.default")
        self.instance_id = created["InstanceId"]
        self.sdk.wait_normal(self.instance_id)
        self.sdk.call("ModifySecurityIps", instance_id=self.instance_id, security_ips="127.0.0.1")
        self.endpoint = self.sdk.endpoint(self.instance_id, PASSWORD)
        self.redis().set("big", VALUE)

    def redis(self, **options):
        """A client of the instance."""
        return self.larder.redis(self.endpoint, decode_responses=False, **options)

    def socket(self):
        """A connection that has logged in."""
        address = (self.endpoint["host"], self.endpoint["port"])
        connection = socket.create_connection(address, timeout=60)
        connection.sendall(f"AUTH {PASSWORD}\r\n".encode())
        assert connection.recv(5) == b"+OK\r\n"
        return connection

    def counters(self):
        """What the node says of its limit."""
        info = self.redis().info("stats")
        return {name: value for name, value in info.items() if name.startswith("larder_")}


@pytest.fixture(scope="module")
def subject(shared):
    """The one instance of this file."""
    return Subject(shared)


def receive(connection, count):
    """Reads so many bytes; gives how many came before the end."""
    got = 0
    while got < count:
        piece = connection.recv(min(count - got, MB))
        if not piece:
            break
        got += len(piece)
    return got


def assert_within_cap(count, elapsed_s):
    """No more than a full bucket and what flowed into it meanwhile."""
    assert count <= CAP * elapsed_s + CAP, f"{count / MB:.1f} MB in {elapsed_s:.2f} s"


def test_a_greedy_reader_gets_no_more_than_its_class_has(subject):
    assert subject.counters()["larder_bandwidth_bytes_per_s"] == CAP
    before = subject.counters()["larder_throttled_writes"]
    connection = subject.socket()
    start = time.monotonic()
    connection.sendall(b"GET big\r\n" * 40)
    got = receive(connection, 40 * ANSWER_BYTES)
    assert_within_cap(got, time.monotonic() - start)
    assert got == 40 * ANSWER_BYTES
    assert subject.counters()["larder_throttled_writes"] > before
    connection.close()


def test_a_greedy_writer_gets_no_more_than_its_class_has(subject):
    client = subject.redis(socket_timeout=60)
    start = time.monotonic()
    for number in range(30):
        client.set("written", VALUE[:-4] + b"%04d" % number)
    assert_within_cap(30 * MB, time.monotonic() - start)
    assert client.get("written").endswith(b"0029")
    assert subject.counters()["larder_throttled_reads"] > 0


def test_two_readers_share_and_a_third_client_is_answered(subject):
    sockets = [subject.socket() for _ in range(2)]
    counts = {connection: 0 for connection in sockets}
    pings = []
    over = threading.Event()

    def ping():
        client = subject.redis(socket_timeout=20)
        while not over.is_set():
            began = time.monotonic()
            assert client.ping()
            pings.append(time.monotonic() - began)

    thread = threading.Thread(target=ping)
    selector = selectors.DefaultSelector()
    start = time.monotonic()
    for connection in sockets:
        connection.sendall(b"GET big\r\n" * 60)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
    thread.start()
    beginning = None
    while sum(counts.values()) < 50 * MB:
        for key, _ in selector.select(60):
            counts[key.fileobj] += len(key.fileobj.recv(MB))
        if beginning is None and sum(counts.values()) > 20 * MB:
            # From here on the bucket is empty.
            beginning = dict(counts)
    total = sum(counts.values())
    assert_within_cap(total, time.monotonic() - start)
    over.set()
    thread.join(60)
    for connection in sockets:
        connection.close()
    shares = [counts[connection] - beginning[connection] for connection in sockets]
    assert max(shares) < 3 * min(shares), shares
    assert len(pings) > 5, "it is answered meanwhile"


@pytest.mark.parametrize("farewell", ["half-close", "QUIT"])
def test_what_was_answered_arrives_although_the_client_says_no_more(subject, farewell):
    connection = subject.socket()
    connection.sendall(b"GET big\r\n" * 20 + (b"QUIT\r\n" if farewell == "QUIT" else b"PING\r\n"))
    if farewell == "half-close":
        connection.shutdown(socket.SHUT_WR)
    assert receive(connection, 20 * ANSWER_BYTES) == 20 * ANSWER_BYTES
    expected = b"+OK\r\n" if farewell == "QUIT" else b"+PONG\r\n"
    assert connection.recv(100, socket.MSG_WAITALL) == expected
    connection.close()


def test_answers_that_wait_take_little_memory(subject):
    before = subject.redis().info("memory")["used_memory"]
    sockets = [subject.socket() for _ in range(4)]
    for connection in sockets:
        connection.sendall(b"GET big\r\n" * 200)
    for connection in sockets:
        receive(connection, 4 * MB)
    assert subject.redis().info("memory")["used_memory"] - before < 100 * MB
    for connection in sockets:
        connection.close()


def test_who_reads_after_having_said_all_is_heard(subject):
    connection = subject.socket()
    connection.sendall(b"GET big\r\n" * 40 + b"PING\r\n" * (2 * MB))
    assert receive(connection, 40 * ANSWER_BYTES) == 40 * ANSWER_BYTES
    assert receive(connection, 7 * 2 * MB) == 7 * 2 * MB
    connection.close()


def test_a_client_that_waits_can_be_killed(subject):
    victim = subject.socket()
    victim.sendall(b"CLIENT ID\r\n")
    number = int(victim.recv(100).strip(b":\r\n"))
    victim.sendall(b"GET big\r\n" * 60)
    receive(victim, 15 * MB)
    subject.redis().client_kill_filter(_id=str(number))
    try:
        got = receive(victim, 60 * ANSWER_BYTES - 15 * MB)
    except ConnectionResetError:
        got = 0
    assert got < 40 * MB, "it was cut off"
    ids = lambda: [int(one["id"]) for one in subject.redis().client_list()]
    until(lambda: number not in ids(), "it is gone")
    victim.close()


def test_published_messages_count_and_all_arrive(subject):
    listener = subject.redis(socket_timeout=60).pubsub(ignore_subscribe_messages=True)
    listener.subscribe("news")
    until(lambda: subject.redis().pubsub_numsub("news")[0][1] == 1, "it listens")
    publisher = subject.redis(socket_timeout=60)
    start = time.monotonic()
    received = []

    def listen():
        while len(received) < 25:
            message = listener.get_message(timeout=60)
            if message:
                received.append(message["data"])

    thread = threading.Thread(target=listen)
    thread.start()
    for number in range(25):
        publisher.publish("news", b"%04d" % number + VALUE[4:])
    thread.join(60)
    assert_within_cap(25 * MB, time.monotonic() - start)
    assert [int(message[:4]) for message in received] == list(range(25))
    listener.close()


def test_bandwidth_is_raised_while_it_serves(subject):
    sdk, instance_id = subject.sdk, subject.instance_id
    client = subject.redis()
    connection = client.client_id()
    waiting = subject.socket()
    waiting.sendall(b"GET big\r\n" * 30)
    raised = {"instance_id": instance_id, "target_intranet_bandwidth": "70"}
    assert sdk.call("ModifyInstanceBandwidth", **raised)["OrderId"]
    sdk.wait_normal(instance_id)
    assert subject.counters()["larder_bandwidth_bytes_per_s"] == 70 * MB
    assert client.client_id() == connection, "it served on"
    assert receive(waiting, 30 * ANSWER_BYTES) == 30 * ANSWER_BYTES
    waiting.close()
    attribute = sdk.attribute(instance_id)
    assert (attribute["Bandwidth"], attribute["IsOrderCompleted"]) == (70, True)
    intranet = sdk.call("DescribeIntranetAttribute", instance_id=instance_id)
    assert intranet["IntranetBandwidth"] == 70
    nodes = sdk.call("DescribeRoleZoneInfo", instance_id=instance_id)["Node"]["NodeInfo"]
    [figures] = [(one["DefaultBandWidth"], one["CurrentBandWidth"]) for one in nodes]
    assert figures == (10, 70)
    with pytest.raises(ApiError) as refused:
        sdk.call("ModifyInstanceBandwidth", **(raised | {"target_intranet_bandwidth": "71"}))
    assert (refused.value.status, refused.value.code) == (
        400, "InvalidTargetIntranetBandwidth.Malformed"
    )
    assert "70" in str(refused.value)

    cli = subject.larder.cli("instance", "bandwidth", instance_id, "10")
    assert cli.returncode == 0, cli.stderr
    until(lambda: subject.counters()["larder_bandwidth_bytes_per_s"] == CAP, "what it was")
    sdk.wait_normal(instance_id)
    assert sdk.attribute(instance_id)["Bandwidth"] == 10


def test_nodes_of_ones_own_have_no_limit(make_node):
    node = make_node()
    client = node.redis(decode_responses=False)
    client.set("big", VALUE)
    for _ in range(64):
        assert len(client.get("big")) == MB
    info = client.info("stats")
    assert info["total_net_output_bytes"] > 64 * MB
    for name in ("bandwidth_bytes_per_s", "throttled_reads", "throttled_writes"):
        assert info[f"larder_{name}"] == 0
