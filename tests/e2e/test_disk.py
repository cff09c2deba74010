"""A full disk: what is there goes on, what would fill it further is refused, and it can be cleared
through the API."""

import subprocess

import pytest

from support.larder import Larder
from support.processes import kill
from support.sdk import ApiError, NewSdk
from support.waiting import attempt, until

SIZE_MIB = 128


@pytest.fixture
def small(tmp_path):
    """A Larder whose data directory is a small file system."""
    one = Larder(tmp_path / "larder")
    one.data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=700", "tmpfs", str(one.data)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root mounts a small file system")
    try:
        yield one.start()
        one.stop()
        one.check_logs()
        one.check_clean_end()
    finally:
        one.destroy()
        subprocess.run(["umount", "-l", str(one.data)], check=True)


def _fill(path):
    """Takes all that is free; gives the bytes."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return file.tell()


def _code(call, *arguments, **parameters):
    """The code of its refusal."""
    with pytest.raises(ApiError) as refusal:
        call(*arguments, **parameters)
    return refusal.value.code


def test_a_full_disk_is_cleared_through_the_api(small):
    sdk, kept = NewSdk(small.ready), small.ready["instance"]
    other = sdk.create(instance_name="other")["InstanceId"]
    sdk.wait_normal(other)
    client = small.redis()
    small.expected_log += [r"nearly full", r"No space left", r"control process ended"]
    filler = small.data / "filler"
    assert _fill(filler) > 64 << 20
    for _ in range(3):
        assert sdk.status(kept["id"]) == "Normal"
        assert _code(sdk.call, "CreateAccount", instance_id=kept["id"], account_name="a",
                     account_password="Xy5_long_enough") == "InsufficientDiskSpace"
    assert client.set("a", 1) and client.get("a") == "1"
    # A control plane that has just begun has room, too.
    [control] = small.pids("control")
    kill(control)
    until(lambda: attempt(lambda: sdk.status(kept["id"]) == "Normal", Exception), "the next one")
    sdk.call("DeleteInstance", instance_id=other)
    sdk.wait_gone(other)
    sdk.call("DestroyInstance", instance_id=other)
    until(lambda: not list(small.data.glob(f"nodes/{other}*")), "its files are gone")
    assert client.get("a") == "1"
    filler.unlink()
    again = sdk.create(instance_name="again")["InstanceId"]
    sdk.wait_normal(again)
    small.stop()
    _fill(filler)
    small.start()
    assert NewSdk(small.ready).status(again) == "Normal"
    until(lambda: attempt(lambda: small.redis().get("a") == "1", Exception), "the data")
    filler.unlink()
