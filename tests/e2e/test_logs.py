"""What an instance writes down: slow commands, its own log, writes and refusals."""

from datetime import datetime, timedelta, timezone

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support import processes
from support.sdk import ApiError, NewSdk
from support.waiting import until


def around_now(to_seconds=False):
    """A range of an hour, as these actions want it."""
    text = "%Y-%m-%dT%H:%M:%SZ" if to_seconds else "%Y-%m-%dT%H:%MZ"
    now = datetime.now(timezone.utc)
    early, late = now - timedelta(minutes=30), now + timedelta(minutes=30)
    return {"start_time": early.strftime(text), "end_time": late.strftime(text)}


def slow(sdk, instance, **filters):
    """Rows of the slow log."""
    answer = sdk.call("DescribeSlowLogRecords", instance_id=instance, **around_now(), **filters)
    return answer["Items"]["LogRecords"]


def records(sdk, instance, **filters):
    """Rows of the data plane's audit log."""
    answer = sdk.call("DescribeAuditRecords", instance_id=instance, **around_now(True), **filters)
    assert answer["TotalRecordCount"] >= len(answer["Items"]["SQL"])
    return answer["Items"]["SQL"]


def texts(sdk, instance, **filters):
    """Their commands."""
    return [row["SQLText"] for row in records(sdk, instance, **filters)]


def once(instance, **login):
    """A client that tries once."""
    return redis.Redis(host=instance["host"], port=instance["port"], protocol=2,
                       retry=Retry(NoBackoff(), 0), socket_timeout=10, **login)


LONG = "local n = 0 for i = 1, 30000000 do n = n + i end return n"


def test_slow_commands_outlive_ring_and_process(larder):
    sdk, instance = NewSdk(larder.ready), larder.ready["instance"]
    client = larder.redis(db=2)
    client.eval(LONG, 0)
    # On a busy machine anything may be slow, a ping too.
    ours = {"query_keyword": "LOCAL N"}
    [row] = until(lambda: slow(sdk, instance["id"], **ours), "the slow command is told")
    assert row["Command"].startswith("EVAL local n = 0") and row["ElapsedTime"] > 10_000
    assert (row["DBName"], row["AccountName"]) == ("2", "default")
    assert row["IPAddress"].startswith("127.0.0.1:")
    processes.kill(larder.node_pid(instance["id"]))
    larder.expected_log.append(r"node|process|ended|killed")
    until(lambda: _answers(larder), "the node is back", 30)
    assert slow(sdk, instance["id"], dbname="2", **ours) == [row]
    assert slow(sdk, instance["id"], dbname="3") == []
    assert slow(sdk, instance["id"], query_keyword="nothing") == []


def _answers(larder):
    try:
        return larder.redis().ping()
    except redis.RedisError:
        return False


def test_what_the_engine_says_of_itself(shared):
    sdk, instance = NewSdk(shared.ready), shared.ready["instance"]["id"]

    def lines(**filters):
        answer = sdk.call("DescribeRunningLogRecords", instance_id=instance, **around_now(),
                          **filters)
        return [row["Content"] for row in answer["Items"]["LogRecords"]]

    assert any("Ready to accept connections" in line for line in lines())
    assert len(lines(query_keyword="ready to accept")) == 1
    assert lines(role_type="secondary") == []


def test_writes_and_refusals_are_recorded_and_no_secrets(shared):
    sdk, instance = NewSdk(shared.ready), shared.ready["instance"]
    name = instance["id"]
    sdk.call("CreateAccount", instance_id=name, account_name="reader",
             account_password="Reader_123", account_privilege="RoleReadOnly")
    client = shared.redis(db=1)
    client.set("before", "x")
    sdk.call("ModifyAuditLogConfig", instance_id=name, retention=7, db_audit=True)
    client.set("account:7", "s" * 500)
    client.get("account:7")
    with client.pipeline() as pipeline:
        pipeline.multi()
        pipeline.lpush("queue", "a", "b").execute()
    reader = once(instance, username="reader", password="Reader_123")
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.set("forbidden", "x")
    with pytest.raises(redis.exceptions.AuthenticationError):
        once(instance, password="Wrong_Secret_1").ping()
    with pytest.raises(redis.exceptions.AuthenticationError):
        once(instance).get("unseen")
    seen = until(lambda: len(found := texts(sdk, name)) >= 5 and found, "all are recorded")
    [written] = [text for text in seen if text.startswith("SET account:7")]
    assert len(written) < 100 and written.endswith("...")
    assert any(text.startswith("LPUSH queue a b") for text in seen)
    assert not any("before" in text or text.startswith("GET account") for text in seen)
    assert not any("Wrong_Secret_1" in text for text in seen)
    by_reader = records(sdk, name, account_name="reader")
    assert [(row["SQLText"], row["SQLType"]) for row in by_reader] == [
        ("SET forbidden x", "non_read_write")
    ]
    assert texts(sdk, name, query_keywords="LPUSH") == ["LPUSH queue a b"]
    assert {row["DatabaseName"] for row in records(sdk, name, database_name="1")} == {"1"}
    assert texts(sdk, name, host_address="10.9.9.9") == []
    sdk.call("ModifyAuditLogConfig", instance_id=name, db_audit=False)
    count = len(texts(sdk, name))
    client.set("after", "x")
    config = sdk.call("DescribeAuditLogConfig", region_id="cn-hangzhou", instance_id=name)
    assert (config["DbAudit"], len(texts(sdk, name))) == ("false", count)
    with pytest.raises(ApiError) as refused:
        sdk.call("ModifyAuditLogConfig", instance_id=name, db_audit=True)
    assert refused.value.code == "InvalidRetention"
