"""One command to a running instance, and the second start is the same installation."""

import json
import re
import stat

FIELDS = {
    "api",
    "console",
    "console_user",
    "console_password",
    "access_key_id",
    "access_key_secret",
    "instance",
}


def test_ready_file_and_printed_url(larder, redis_cli):
    ready = larder.ready
    assert set(ready) >= FIELDS
    assert set(ready["instance"]) >= {"id", "host", "port", "password", "url"}
    assert all(ready[name] for name in FIELDS)
    assert ready["api"] == f"http://127.0.0.1:{larder.api_port}"
    assert ready["console"].startswith(ready["api"])
    assert re.fullmatch(r"r-[a-z0-9]{10,}", ready["instance"]["id"])
    assert stat.S_IMODE(larder.ready_file.stat().st_mode) == 0o600

    printed = larder.log.read_text(errors="replace")
    [url] = set(re.findall(r"redis://[^\s\"']+", printed))
    assert url == ready["instance"]["url"]
    assert redis_cli(ready["instance"], "PING") == "PONG"


def test_files_are_private(larder):
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in larder.data.rglob("*")}
    modes[larder.data] = stat.S_IMODE(larder.data.stat().st_mode)
    open_to_others = {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077}
    assert not open_to_others


def test_secrets_are_not_stored_in_clear(larder):
    ready = larder.ready
    secrets = [ready["access_key_secret"], ready["console_password"]]
    secrets.append(ready["instance"]["password"])
    for path in larder.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [s for s in secrets if s.encode() in content], f"a secret is in {path}"


def test_second_start_is_the_same_installation(larder, redis_cli):
    first = larder.ready
    client = larder.redis()
    client.set("kept", "yes")
    client.rpush("list", *range(1000))
    client.set("short", "1", ex=3600)
    client.close()
    larder.stop()
    larder.check_clean_end()
    print_before = larder.log.read_text(errors="replace")

    larder.start()
    second = larder.ready
    for name in ("api", "console", "console_user", "access_key_id"):
        assert second[name] == first[name], name
    for name in ("access_key_secret", "console_password"):
        assert second.get(name) in (None, "", first[name]), f"{name} is new"
    for name in ("id", "host", "port"):
        assert second["instance"][name] == first["instance"][name], name
    assert second["instance"]["url"] in (None, first["instance"]["url"])
    printed = larder.log.read_text(errors="replace")[len(print_before) :]
    assert first["access_key_secret"] not in printed

    client = larder.redis(first["instance"])
    assert client.get("kept") == "yes"
    assert client.llen("list") == 1000
    assert 0 < client.ttl("short") <= 3600
    assert redis_cli(first["instance"], "DBSIZE") == "3"


def test_one_larder_per_data_directory(larder):
    again = larder.cli("up", "--data-dir", str(larder.data), "--api", "127.0.0.1:0")
    assert again.returncode != 0
    assert str(larder.data) in again.stderr + again.stdout
    assert larder.redis().ping()


def test_without_quickstart_there_is_no_instance(tmp_path):
    from support.larder import Larder

    larder = Larder(tmp_path / "bare", quickstart=False)
    try:
        larder.start()
        assert not larder.ready.get("instance")
        listed = larder.cli("instance", "list", "-o", "json")
        assert listed.returncode == 0, listed.stderr
        assert json.loads(listed.stdout)["Instances"]["KVStoreInstance"] == []
        larder.stop()
        larder.check_logs()
        larder.check_clean_end()
    finally:
        larder.destroy()
