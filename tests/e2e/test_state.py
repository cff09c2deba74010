"""The control plane's memory, backed up while it serves and restored on another data directory."""

import json
import os
import stat

import redis

from support.larder import Larder
from support.sdk import NewSdk
from support.waiting import attempt, until

PASSWORD = "State-2026"


def restore(larder, file, *flags, directory=None):
    """`larder restore-state` as an operator types it."""
    directory = directory or larder.data
    return larder.cli("restore-state", str(file), "--data-dir", str(directory), *flags)


def test_a_lost_control_store_comes_back(tmp_path):
    larder = Larder(tmp_path / "larder", quickstart=False)
    try:
        larder.start()
        sdk = NewSdk(larder.ready)
        instance_id = sdk.create(password=PASSWORD, instance_name="kept")["InstanceId"]
        sdk.wait_normal(instance_id)
        sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
        client = larder.redis(sdk.endpoint(instance_id, PASSWORD))
        client.set("greeting", "hello")
        file = tmp_path / "state.json"
        done = larder.cli("backup-state", str(file))
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        text = file.read_text()
        assert PASSWORD not in text and larder.ready["access_key_secret"] not in text
        again = larder.cli("backup-state", str(file))
        assert again.returncode == 8 and "not there yet" in again.stderr, again.stderr
        # What changes after the backup is undone by it, although the node has seen it.
        sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="10.0.0.1")

        running = restore(larder, file, "--replace")
        assert running.returncode != 0 and "still running" in running.stderr, running.stderr
        larder.stop()
        held = restore(larder, file)
        assert held.returncode != 0 and "--replace" in held.stderr, held.stderr
        (larder.data / "control/store.redb").unlink()
        done = restore(larder, file)
        assert done.returncode == 0 and "1 instances" in done.stdout, (done.stdout, done.stderr)
        larder.start()
        sdk = NewSdk(larder.ready)
        sdk.wait_normal(instance_id)
        assert sdk.attribute(instance_id)["InstanceName"] == "kept"
        endpoint = sdk.endpoint(instance_id, PASSWORD)
        # The allowlist of after the backup is in force until the node was told of that of before.
        told = lambda: attempt(lambda: larder.redis(endpoint).get("greeting"), redis.RedisError)
        until(lambda: told() == "hello", "the data serve again")

        audit = larder.cli("audit", "verify", "--data-dir", str(larder.data))
        assert audit.returncode == 0, audit.stdout

        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        refused = restore(larder, file, directory=elsewhere)
        assert refused.returncode != 0 and "master.key" in refused.stderr, refused.stderr
        damaged = tmp_path / "damaged.json"
        state = json.loads(text)
        state["documents"].pop()
        damaged.write_text(json.dumps(state))
        refused = restore(larder, damaged, "--replace")
        assert refused.returncode != 0 and "checksum" in refused.stderr, refused.stderr
        larder.stop()
        larder.check_clean_end()
    finally:
        larder.destroy()
