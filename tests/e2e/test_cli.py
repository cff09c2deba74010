"""The verbs as a person and as a script types them: tables, JSON, exit codes, hints."""

import json

import pytest

PASSWORD = "Terminal-2026"
EXIT = {"refused": 1, "usage": 2, "connection": 3, "denied": 4, "not found": 5}


def ok(done):
    """What a successful command printed."""
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_create_show_allow_restart_delete(shared):
    arguments = ["--name", "from-cli", "--password-stdin", "--wait", "-o", "json"]
    created = ok(shared.cli("instance", "create", *arguments, stdin=PASSWORD + "\n"))
    attributes = json.loads(created)
    if "Instances" in attributes:
        [attributes] = attributes["Instances"]["DBInstanceAttribute"]
    instance_id = attributes["InstanceId"]
    assert attributes["InstanceStatus"] == "Normal"

    table = ok(shared.cli("instance", "list"))
    [line] = [line for line in table.splitlines() if instance_id in line]
    assert "from-cli" in line and "Normal" in line

    allow = ["instance", "allow", instance_id, "127.0.0.1", "-o", "json"]
    allowed = json.loads(ok(shared.cli(*allow)))
    [group] = allowed["SecurityIpGroups"]["SecurityIpGroup"]
    assert group["SecurityIpList"] == "127.0.0.1"

    host, port = attributes["ConnectionDomain"], int(attributes["Port"])
    endpoint = {"id": instance_id, "host": host, "port": port, "password": PASSWORD}
    client = shared.redis(endpoint)
    client.set("kept", "1")
    shown = json.loads(ok(shared.cli("instance", "show", instance_id, "-o", "json")))
    assert shown["Live"]["Status"]["Keys"] == 1
    assert len(shown["Live"]["Clients"]) == 1
    text = ok(shared.cli("instance", "show", instance_id))
    assert f"{host}:{port}" in text and "127.0.0.1" in text

    ok(shared.cli("instance", "restart", instance_id, "--wait"))
    client.close()
    assert shared.redis(endpoint).get("kept") == "1"

    new = "Changed-2026"
    ok(shared.cli("instance", "passwd", instance_id, "--password-stdin", stdin=new + "\n"))
    assert shared.redis(endpoint | {"password": new}).ping()

    asked = shared.cli("instance", "delete", instance_id)
    assert asked.returncode == EXIT["usage"] and "--yes" in asked.stderr
    ok(shared.cli("instance", "delete", instance_id, "--yes", "--wait"))
    gone = shared.cli("instance", "show", instance_id)
    assert gone.returncode == EXIT["not found"]
    assert instance_id not in ok(shared.cli("instance", "list"))


def test_create_with_allow_is_ready_to_use(shared, redis_cli):
    arguments = ["--password", PASSWORD, "--allow", "127.0.0.1", "-o", "json"]
    attributes = json.loads(ok(shared.cli("instance", "create", *arguments)))
    if "Instances" in attributes:
        [attributes] = attributes["Instances"]["DBInstanceAttribute"]
    instance_id, port = attributes["InstanceId"], attributes["Port"]
    url = f"redis://default:{PASSWORD}@{attributes['ConnectionDomain']}:{port}"
    assert redis_cli({"url": url}, "PING") == "PONG"
    ok(shared.cli("instance", "delete", instance_id, "--yes", "--wait"))


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        (["instance", "show", "r-nosuchinstance"], "not found", ["instance list"]),
        (["instance", "delete", "r-nosuchinstance", "--yes"], "not found", ["NotFound"]),
        (["instance", "create", "--password", "weak"], "refused", ["InvalidPassword", "8 to 32"]),
        (["instance", "create", "--class", "redis.no.such"], "refused", ["redis"]),
        (["instance", "frobnicate"], "usage", ["frobnicate"]),
        (["instance", "show"], "usage", ["ID"]),
        (["no-such-verb"], "usage", ["no-such-verb"]),
    ],
)
def test_errors_have_codes_and_hints(shared, arguments, kind, words):
    done = shared.cli(*arguments)
    assert done.returncode == EXIT[kind], done.stderr
    assert not done.stdout
    for word in words:
        assert word.lower() in done.stderr.lower(), done.stderr


def test_credentials(shared, tmp_path):
    none = shared.cli("instance", "list", profile=False)
    assert none.returncode == EXIT["denied"] and "LARDER_PROFILE" in none.stderr

    wrong = shared.ready | {"access_key_secret": "wrong"}
    profile = tmp_path / "wrong.json"
    profile.write_text(json.dumps(wrong))
    denied = shared.cli("instance", "list", "--profile", str(profile), profile=False)
    assert denied.returncode == EXIT["denied"] and "secret" in denied.stderr

    away = shared.ready | {"api": "http://127.0.0.1:9"}
    profile.write_text(json.dumps(away))
    nobody = shared.cli("instance", "list", "--profile", str(profile), profile=False)
    assert nobody.returncode == EXIT["connection"] and "larder up" in nobody.stderr

    keys = {
        "LARDER_API": shared.ready["api"],
        "LARDER_ACCESS_KEY_ID": shared.ready["access_key_id"],
        "LARDER_ACCESS_KEY_SECRET": shared.ready["access_key_secret"],
    }
    ok(shared.cli("instance", "list", profile=False, environment=keys))


@pytest.mark.parametrize("line", ["--help", "instance --help", "up --help", "--version"])
def test_help(shared, line):
    done = shared.cli(*line.split(), profile=False)
    assert "larder" in ok(done)
    assert not done.stderr
