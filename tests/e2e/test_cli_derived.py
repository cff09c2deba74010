"""Commands that derive from the table of actions, on a real Larder."""

import json
import subprocess

import pytest

from support.sdk import NewSdk
from support.waiting import until

PASSWORD = "Derived-2026"


def ok(done):
    """Standard output of a command that worked."""
    assert done.returncode == 0, (done.args, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def instance_id(shared):
    """An instance that lets this host in."""
    sdk = NewSdk(shared.ready)
    made = sdk.create(password=PASSWORD, instance_name="derived")["InstanceId"]
    sdk.wait_normal(made)
    sdk.call("ModifySecurityIps", instance_id=made, security_ips="127.0.0.1")
    return made


def test_accounts(shared, instance_id):
    made = shared.cli(
        "data-account", "create", instance_id, "reader", "--account-password", "-",
        "--account-privilege", "RoleReadOnly", "--wait", stdin=PASSWORD + "\n",
    )
    ok(made)
    listed = ok(shared.cli("data-account", "list", instance_id))
    assert "reader" in listed and "Available" in listed
    ping = shared.cli(
        "instance", "connect", instance_id, "--account", "reader", "--", "PING",
        stdin=PASSWORD + "\n",
    )
    assert "PONG" in ok(ping)
    wrong = shared.cli("instance", "connect", instance_id, "--", "PING", stdin="wrong\n")
    assert "PONG" not in wrong.stdout
    missing = shared.cli("instance", "connect", instance_id, "--program", "no-such-cli", stdin="x\n")
    assert missing.returncode == 2 and "redis-tools" in missing.stderr
    refused = shared.cli("data-account", "delete", instance_id, "reader")
    assert refused.returncode == 2 and "--yes" in refused.stderr
    ok(shared.cli("data-account", "delete", instance_id, "reader", "--yes", "--wait"))
    assert "reader" not in ok(shared.cli("data-account", "list", instance_id))


def test_tags_and_raw_actions(shared, instance_id):
    ok(shared.cli("tag", "add", "team=blue", "cost=", "--resource-id", instance_id))
    assert "blue" in ok(shared.cli("tag", "list", "--resource-id", instance_id))
    found = ok(shared.cli("api", "DescribeInstances", "--tag", "team=blue", "-o", "json"))
    [one] = json.loads(found)["Instances"]["KVStoreInstance"]
    assert one["InstanceId"] == instance_id
    shown = ok(shared.cli("api", "DescribeInstances", "-p", "SearchKey=derived"))
    assert "Instances.KVStoreInstance (1)" in shown and instance_id in shown
    dry = shared.cli(
        "api", "CreateInstance", "--instance-class", "redis.shard.micro.ce", "--dry-run"
    )
    ok(dry)
    assert "nothing was changed" in dry.stderr
    wrong = shared.cli("api", "DescribeInstances", "--page-size", "1000")
    assert wrong.returncode == 1 and "PageSize" in wrong.stderr
    unknown = shared.cli("api", "DescribeNothing")
    assert unknown.returncode == 2 and "DescribeNothing" in unknown.stderr


def test_flush_window_and_events(shared, instance_id):
    client = shared.redis(NewSdk(shared.ready).endpoint(instance_id, PASSWORD))
    client.set("key", "value")
    ok(shared.cli("instance", "flush", instance_id, "--yes", "--wait"))
    until(lambda: client.dbsize() == 0, "the data are gone")
    ok(shared.cli("instance", "window", instance_id, "03:00Z", "05:00Z"))
    events = ok(shared.cli("audit", "events"))
    assert "FlushInstance" in events and instance_id in events
    top = ok(shared.cli("instance", "top", instance_id, "--times", "1"))
    assert "Used memory" in top
    assert "127.0.0.1" in ok(shared.cli("instance", "endpoints", instance_id))


def test_users_and_policies(shared):
    ok(shared.cli("user", "create", "alice"))
    assert "alice" in ok(shared.cli("user", "list"))
    key = json.loads(ok(shared.cli("key", "create", "--user-name", "alice", "-o", "json")))
    secret = key["AccessKey"]["AccessKeySecret"]
    keys = {
        "LARDER_API": shared.ready["api"],
        "LARDER_ACCESS_KEY_ID": key["AccessKey"]["AccessKeyId"],
        "LARDER_ACCESS_KEY_SECRET": secret,
    }
    as_alice = lambda *words: shared.cli(*words, profile=False, environment=keys)
    denied = as_alice("instance", "list")
    assert denied.returncode == 4, denied.stderr
    ok(shared.cli("policy", "attach", "System", "AliyunKvstoreReadOnlyAccess", "alice"))
    assert "INSTANCE" in ok(as_alice("instance", "list"))
    refused = as_alice("user", "list")
    assert refused.returncode == 4, refused.stderr


def test_completions_and_pages(shared):
    script = ok(shared.cli("completions", "bash", profile=False))
    assert "DescribeInstances" in script
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    page = ok(shared.cli("man", "data-account", "create", profile=False))
    assert ".TH larder-data-account-create" in page
    unknown = shared.cli("man", "nothing", profile=False)
    assert unknown.returncode == 2 and "nothing" in unknown.stderr
