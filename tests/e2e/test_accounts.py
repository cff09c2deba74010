"""Accounts of the data plane: made through the official SDK, used by a real Redis client."""

import threading
import time

import pytest
import redis
from aliyunsdkcore.request import CommonRequest

from support.sdk import ApiError, NewSdk, OldSdk
from support.waiting import attempt, until

PASSWORD = "Reader-2026"
OTHER = "Reader-2027"


@pytest.fixture
def sdk(shared):
    """The official SDK with the root key."""
    return NewSdk(shared.ready)


@pytest.fixture
def call(sdk, shared):
    """One action on an account of the quickstart instance."""

    def act(action, name=None, **parameters):
        about = {"instance_id": shared.ready["instance"]["id"]}
        about |= {"account_name": name} if name else {}
        return sdk.call(action, **(about | parameters))

    return act


@pytest.fixture
def make(call):
    """Makes accounts; deletes those that are still there."""
    made = []

    def create(name, **parameters):
        made.append(name)
        return call("CreateAccount", name, **({"account_password": PASSWORD} | parameters))

    yield create
    for name in made:
        attempt(lambda: call("DeleteAccount", name), ApiError)


def log_in(shared, name, password=PASSWORD):
    """A client that is this account."""
    instance = shared.ready["instance"] | {"password": password}
    return shared.redis(instance, username=name)


def code(act, *arguments, **parameters):
    """Status and code of the refusal that the call must end with."""
    with pytest.raises(ApiError) as raised:
        act(*arguments, **parameters)
    return raised.value.status, raised.value.code


def test_life_of_an_account(shared, call, make):
    made = make("reader", account_privilege="RoleReadOnly", account_description="of bi")
    assert made["AcountName"] == "reader"
    assert made["InstanceId"] == shared.ready["instance"]["id"]
    [row] = call("DescribeAccounts", "reader")["Accounts"]["Account"]
    assert row["AccountStatus"] == "Available" and row["AccountType"] == "Normal"
    assert row["AccountDescription"] == "of bi"
    assert row["DatabasePrivileges"]["DatabasePrivilege"] == [{"AccountPrivilege": "RoleReadOnly"}]
    assert call("DescribeAccounts", "nobody")["Accounts"] == {"Account": []}
    names = [row["AccountName"] for row in call("DescribeAccounts")["Accounts"]["Account"]]
    assert names == [shared.ready["instance"]["id"], "default", "reader"]

    call("ModifyAccountDescription", "reader", account_description="of sales")
    [row] = call("DescribeAccounts", "reader")["Accounts"]["Account"]
    assert row["AccountDescription"] == "of sales"
    call("DeleteAccount", "reader")
    assert call("DescribeAccounts", "reader")["Accounts"] == {"Account": []}


def test_a_read_only_account_reads_and_nothing_else(shared, call, make):
    shared.redis().set("accounts:key", "value")
    make("reader", account_privilege="RoleReadOnly")
    reader = log_in(shared, "reader")
    assert reader.get("accounts:key") == "value"
    denied = [
        "SET accounts:key x", "DEL accounts:key", "FLUSHALL", "SWAPDB 0 1", "EXPIRE accounts:key 1",
        "GETEX accounts:key PERSIST", "SORT accounts:list STORE accounts:key", "SCRIPT FLUSH",
        "FUNCTION FLUSH", "CLIENT PAUSE 1000", "CLIENT KILL ID 1",
    ]
    for words in denied:
        with pytest.raises(redis.exceptions.NoPermissionError):
            reader.execute_command(*words.split())
    # A pipeline is MULTI: the write is refused when it is queued.
    with pytest.raises(redis.RedisError, match="NOPERM|no permissions"):
        reader.pipeline().set("accounts:key", "x").execute()
    with pytest.raises(redis.RedisError, match="can.t run this command"):
        reader.eval("return redis.call('set', KEYS[1], 'x')", 1, "accounts:key")
    for account in (reader, shared.redis()):
        for words in ("CONFIG SET maxmemory 1", "MONITOR", "SHUTDOWN", "DEBUG SLEEP 0", "BGSAVE"):
            with pytest.raises(redis.RedisError):
                account.execute_command(*words.split())
    assert reader.get("accounts:key") == "value"
    # The form of clients that know no user names.
    plain = shared.redis(shared.ready["instance"] | {"password": f"reader:{PASSWORD}"}, protocol=2)
    with pytest.raises(redis.exceptions.NoPermissionError):
        plain.set("accounts:key", "x")


def test_a_changed_privilege_is_felt_by_open_connections(shared, call, make):
    make("worker")
    worker = log_in(shared, "worker")
    assert worker.set("accounts:worker", 1)
    began = time.monotonic()
    call("GrantAccountPrivilege", "worker", account_privilege="RoleReadOnly")
    with pytest.raises(redis.exceptions.NoPermissionError):
        worker.set("accounts:worker", 2)
    assert time.monotonic() - began < 1
    call("GrantAccountPrivilege", "worker", account_privilege="RoleReadWrite")
    assert worker.set("accounts:worker", 3)


def test_a_deleted_account_is_cut_off(shared, call, make):
    make("leaver")
    idle = log_in(shared, "leaver", PASSWORD)
    connection = idle.connection_pool.get_connection()
    connection.send_command("PING")
    assert connection.read_response() == "PONG"
    waiting = log_in(shared, "leaver")
    ended = []

    def wait():
        try:
            ended.append(waiting.blpop("accounts:none", timeout=0))
        except redis.RedisError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    other = shared.redis()
    until(lambda: [row for row in other.client_list() if row["cmd"] == "blpop"], "it waits")
    call("DeleteAccount", "leaver")
    # The end of the stream, not an answer; whatever else would be sent is not taken.
    with pytest.raises(redis.ConnectionError):
        connection.read_response()
    thread.join(timeout=10)
    # The client connects again by itself, and is refused.
    assert not thread.is_alive() and isinstance(ended[0], redis.ConnectionError), ended
    with pytest.raises(redis.AuthenticationError):
        log_in(shared, "leaver").ping()
    assert code(call, "DeleteAccount", "leaver") == (404, "InvalidAccountName.NotFound")


def test_passwords_change(shared, call, make):
    make("app")
    assert log_in(shared, "app").ping()
    change = {"old_account_password": PASSWORD, "new_account_password": OTHER}
    call("ModifyAccountPassword", "app", **change)
    assert log_in(shared, "app", OTHER).ping()
    with pytest.raises(redis.AuthenticationError):
        log_in(shared, "app", PASSWORD).ping()
    wrong = code(call, "ModifyAccountPassword", "app", **change)
    assert wrong == (400, "InvalidOldAccountPassword.NotMatch")
    call("ResetAccountPassword", "app", account_password=PASSWORD)
    assert log_in(shared, "app", PASSWORD).ping()


def test_two_passwords_while_clients_change_over(shared, call, make):
    make("app")
    sdk = OldSdk(shared.ready)
    # A parameter of Larder, which no SDK has a field for.
    about = {"domain": sdk.address, "version": "2015-01-01"}
    request = CommonRequest(action_name="ResetAccountPassword", **about)
    request.set_protocol_type("http")
    parameters = {"InstanceId": shared.ready["instance"]["id"], "AccountName": "app"}
    parameters |= {"AccountPassword": OTHER, "KeepOldPassword": "true"}
    for name, value in parameters.items():
        request.add_query_param(name, value)
    sdk.client.do_action_with_exception(request)
    for password in (PASSWORD, OTHER):
        assert log_in(shared, "app", password).ping()
    call("ResetAccountPassword", "app", account_password=OTHER)
    assert log_in(shared, "app", OTHER).ping()
    with pytest.raises(redis.AuthenticationError):
        log_in(shared, "app", PASSWORD).ping()


def test_wrong_input(call, make, shared):
    make("app")
    password = {"account_password": PASSWORD}
    new = {"old_account_password": PASSWORD, "new_account_password": "short"}
    instance_id = shared.ready["instance"]["id"]
    rows = [
        ("CreateAccount", "app", password, (400, "InvalidAccountName.Duplicate")),
        ("CreateAccount", "App", password, (400, "InvalidAccountName.Format")),
        ("CreateAccount", "select", password, (400, "InvalidAccountName.Forbid")),
        ("CreateAccount", "b", {"account_password": "x"}, (400, "InvalidAccountPassword.Format")),
        (
            "CreateAccount",
            "b",
            password | {"account_privilege": "RoleRoot"},
            (400, "InvalidAccountPrivilege.Malformed"),
        ),
        (
            "CreateAccount",
            "b",
            password | {"account_description": "1"},
            (400, "InvalidAccountDescription.Format"),
        ),
        ("DeleteAccount", "default", {}, (403, "OperationDenied.AccountStatus")),
        ("DeleteAccount", instance_id, {}, (403, "OperationDenied.AccountStatus")),
        (
            "GrantAccountPrivilege",
            "default",
            {"account_privilege": "RoleReadOnly"},
            (400, "IncorrectAccount"),
        ),
        (
            "GrantAccountPrivilege",
            "app",
            {"account_privilege": "RoleRoot"},
            (400, "InvalidAccountPrivilege.Format"),
        ),
        ("ModifyAccountPassword", "app", new, (400, "InvalidAccountPassword.Format")),
        ("ResetAccountPassword", "nobody", password, (404, "InvalidAccountName.NotFound")),
    ]
    for action, name, parameters, expected in rows:
        assert code(call, action, name, **parameters) == expected, (action, name, parameters)


def test_accounts_outlive_a_restart_and_no_password_is_kept(larder):
    sdk = NewSdk(larder.ready)
    instance = larder.ready["instance"]
    about = {"instance_id": instance["id"], "account_name": "app"}
    sdk.call("CreateAccount", account_password=PASSWORD, **about)
    change = {"old_account_password": PASSWORD, "new_account_password": OTHER}
    sdk.call("ModifyAccountPassword", **change, **about)
    larder.stop()
    larder.start()
    sdk = NewSdk(larder.ready)
    sdk.wait_normal(instance["id"])
    app = larder.redis(instance | {"password": OTHER}, username="app")
    assert until(lambda: attempt(app.ping, redis.RedisError), "the account logs in")
    kept = [path for path in larder.directory.rglob("*") if path.is_file()]
    assert any("ModifyAccountPassword" in path.read_text(errors="replace") for path in kept)
    for path in kept:
        text = path.read_bytes()
        assert PASSWORD.encode() not in text and OTHER.encode() not in text, path
