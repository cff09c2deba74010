"""The brake on guessing passwords of the data plane: real clients from several local addresses."""

import socket
import threading
import time

import pytest
import redis

from support.sdk import NewSdk
from support.waiting import until

HOME, GUESSER, OTHER = "127.0.0.1", "127.0.0.77", "127.0.0.78"
BRAKED = "too many wrong passwords"


@pytest.fixture
def from_address(shared):
    """Connections to the quickstart instance from an address, as nobody."""
    instance = shared.ready["instance"]
    sdk = NewSdk(shared.ready)
    sdk.call("ModifySecurityIps", instance_id=instance["id"], security_ips="127.0.0.0/8")
    opened = []

    def make(source):
        connection = redis.Connection(
            host=instance["host"], port=instance["port"], socket_timeout=10, protocol=2,
            lib_name=None, lib_version=None,
        )
        connection._connect = lambda: _socket(instance, source)
        opened.append(connection)
        return connection

    def admitted():
        try:
            return ask(make(GUESSER), "AUTH", instance["password"]) == b"OK"
        except redis.RedisError:
            return False

    until(admitted, "the allowlist is in force")
    yield make
    for connection in opened:
        connection.disconnect()


def _socket(instance, source):
    return socket.create_connection((instance["host"], instance["port"]), 10, (source, 0))


def ask(connection, *words):
    """Sends one request; gives the answer or raises the error."""
    connection.send_command(*words, check_health=False)
    return connection.read_response()


def answer(connection, *words):
    """The answer, an error as its text."""
    try:
        return ask(connection, *words)
    except redis.RedisError as error:
        return str(error)


def guess_for(connection, seconds, found):
    """Guesses as fast as it goes; notes when each wrong password was told so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        said = answer(connection, "AUTH", "default", "wrong")
        found.append((began, time.monotonic(), BRAKED not in said))
        assert BRAKED in said or "invalid username-password" in said, said


def test_guesses_are_slow_and_everybody_else_is_not(shared, from_address):
    password = shared.ready["instance"]["password"]
    braked_before = shared.redis().info("stats")["larder_braked_logins"]
    found = [[] for _ in range(4)]
    guessers = [
        threading.Thread(target=guess_for, args=(from_address(GUESSER), 4, one)) for one in found
    ]
    for guesser in guessers:
        guesser.start()
    until(lambda: any(not told for one in found for _, _, told in list(one)), "the brake is on")
    # While it is on: a right password from there is answered as a wrong one would be.
    there, known = from_address(GUESSER), from_address(OTHER)
    said = [answer(there, "AUTH", password) for _ in range(20)]
    # A slot may come free just for one of these, and then it is right.
    assert sum(BRAKED in one for one in said if isinstance(one, str)) >= 10, said
    for _ in range(50):
        elsewhere = from_address(OTHER)
        began = time.monotonic()
        assert ask(elsewhere, "AUTH", password) == b"OK"
        assert ask(elsewhere, "PING") == b"PONG"
        assert time.monotonic() - began < 2
    assert ask(known, "AUTH", password) == b"OK"
    for guesser in guessers:
        guesser.join(30)
    attempts = sorted(sum(found, []))
    told = [(began, ended) for began, ended, was_told in attempts if was_told]
    assert len(attempts) > 500 and 20 <= len(told) <= 50, (len(attempts), len(told))
    # Eleven in a row span a second, seen from outside; the node counts in whole milliseconds.
    for (first, _), (_, last) in zip(told, told[10:]):
        assert last - first >= 0.998, (first, last)
    counted = shared.redis().info("stats")["larder_braked_logins"] - braked_before
    assert counted >= len(attempts) - len(told)
    until(lambda: answer(there, "AUTH", password) == b"OK", "the brake is off again")


def test_many_right_clients_at_once_are_let_in(shared, from_address):
    password = shared.ready["instance"]["password"]
    clients = [from_address(HOME) for _ in range(200)]
    for client in clients:
        client.connect()
    for client in clients:
        client.send_command("AUTH", password, check_health=False)
    assert [client.read_response() for client in clients] == [b"OK"] * 200


def test_hello_is_braked_too_and_a_drop_in_has_no_brake(shared, from_address, make_node):
    guesser = from_address("127.0.0.79")
    said = [answer(guesser, "HELLO", 3, "AUTH", "default", "wrong") for _ in range(40)]
    assert 1 <= sum(BRAKED not in one for one in said) <= 20, said
    node = make_node("--requirepass", "right", password="right")
    client = redis.Redis(port=node.port, socket_timeout=10)
    connection = redis.Connection(
        port=node.port, socket_timeout=10, protocol=2, lib_name=None, lib_version=None
    )
    connection.connect()
    said = [answer(connection, "AUTH", "wrong") for _ in range(100)]
    assert all("invalid username-password" in one for one in said), said
    assert answer(connection, "AUTH", "right") == b"OK"
    client.close()
    connection.disconnect()
