"""Secrets that are recognised wherever they turn up: after a round through everything that takes
one, no file, log, process or error answer may hold any."""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import redis
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from redis.backoff import NoBackoff
from redis.retry import Retry

from support import ports
from support.sdk import REGION, ApiError, NewSdk, OldSdk
from support.waiting import until

MARK = "Kanarie7"
RAM = "2015-05-01"


class Cage:
    """Makes canaries and keeps what the outside answered."""

    def __init__(self, larder):
        self.larder = larder
        self.made = 0
        self.heard = []

    def bird(self, kind="_Ab!"):
        """A valid password that was never used before."""
        self.made += 1
        return f"{MARK}{kind}{self.made}"

    def refused(self, act, *arguments, **parameters):
        """Calls what must fail; keeps its words."""
        with pytest.raises(Exception) as failed:
            act(*arguments, **parameters)
        self.heard.append(f"{failed.value!r} {failed.value}")

    def common(self, action, version="2015-01-01", secret=None, key_id=None, agent=None, **query):
        """Any action with any parameter, signed by RPC v1."""
        ready = self.larder.ready
        client = AcsClient(key_id or ready["access_key_id"], secret or ready["access_key_secret"],
                           REGION)
        request = CommonRequest()
        request.set_domain(ready["api"].removeprefix("http://").rstrip("/"))
        request.set_protocol_type("http")
        request.set_version(version)
        request.set_action_name(action)
        for name, value in query.items():
            request.add_query_param(name, value)
        if agent:
            request.set_user_agent(agent)
        return client.do_action_with_exception(request)

    def http(self, path, method="GET", body=None, **headers):
        """A bare request; keeps the answer."""
        url = self.larder.ready["api"].rstrip("/") + path
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.heard.append(answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            self.heard.append(error.read().decode(errors="replace"))


def through_the_api(cage):
    """Every action that takes a password, right and wrong; both SDKs."""
    new, old = NewSdk(cage.larder.ready), OldSdk(cage.larder.ready)
    made = new.create(instance_name="cage", password=cage.bird(), port=ports.free_port())
    instance = made["InstanceId"]
    new.wait_normal(instance)
    old.call("ModifyInstanceAttribute", instance_id=instance, new_password=cage.bird())
    known = cage.bird()
    new.call("CreateAccount", instance_id=instance, account_name="teller",
             account_password=known, account_privilege="RoleReadOnly")
    newer = cage.bird()
    new.call("ModifyAccountPassword", instance_id=instance, account_name="teller",
             old_account_password=known, new_account_password=newer)
    cage.refused(new.call, "ModifyAccountPassword", instance_id=instance, account_name="teller",
                 old_account_password=cage.bird(), new_account_password=cage.bird())
    password = cage.bird()
    old.call("ResetAccountPassword", instance_id=instance, account_name="default",
             account_password=password)
    for bad in ("~ ~", "é"):
        cage.refused(new.call, "ResetAccountPassword", instance_id=instance,
                     account_name="default", account_password=cage.bird(bad))
        cage.refused(new.create, password=cage.bird(bad))
        cage.refused(new.call, "ModifyInstanceAttribute", instance_id=instance,
                     new_password=cage.bird(bad))
    cage.refused(new.call, "CreateAccount", instance_id="r-none", account_name="teller",
                 account_password=cage.bird())
    return instance, password


def by_mistake(cage, instance):
    """Secrets where none belong: misspelt names, other parameters, keys, agents, addresses."""
    cage.common("ModifyInstanceAttribute", InstanceId=instance, InstanceName="cage",
                Pasword=cage.bird())
    cage.refused(cage.common, "ResetAccountPassword", InstanceId=instance, Password=cage.bird())
    cage.refused(cage.common, "ResetAccountPasword", AccountPassword=cage.bird())
    cage.refused(cage.common, cage.bird("x"), InstanceId=instance)
    cage.refused(cage.common, "DescribeZones", version=cage.bird("x"))
    cage.common("DescribeZones", **{cage.bird(): "1"})
    cage.common("DescribeZones", agent=f"shell/1.0 {cage.bird()} password={cage.bird('x')}")
    cage.refused(cage.common, "ModifyInstanceConfig", InstanceId=instance,
                 Config='{"requirepass":"%s"}' % cage.bird())
    cage.refused(cage.common, "DescribeZones", secret=cage.bird())
    cage.refused(cage.common, "DescribeZones", key_id=cage.bird("x"))
    cage.refused(cage.common, "ResetAccountPassword", secret="wrong", InstanceId=instance,
                 AccountName="default", AccountPassword=cage.bird())
    for sdk in (NewSdk(cage.larder.ready, secret=cage.bird("x")),
                NewSdk(cage.larder.ready, secret=cage.bird("x"), algorithm="v2")):
        cage.refused(sdk.call, "ResetAccountPassword", instance_id=instance,
                     account_name="default", account_password=cage.bird())
    cage.http(f"/{cage.bird('x')}?password={cage.bird('x')}", **{"User-Agent": cage.bird("x")})
    cage.http(f"/?AccountPassword={cage.bird('x')}&Action=ResetAccountPassword")
    cage.http("/", method="PUT", body=cage.bird().encode())
    cage.http("/console/login", method="POST", **{
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"larder_session={cage.bird('x')}"},
        body=urllib.parse.urlencode({"user": cage.bird(), "password": cage.bird()}).encode())


def at_the_console(cage):
    """A login with a form that fits, with what people type into the wrong fields."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    origin = cage.larder.ready["api"].rstrip("/")
    url = origin + "/console/login"
    opener.addheaders = [("Origin", origin), ("User-Agent", "Mozilla/5.0")]
    page = opener.open(url, timeout=10).read().decode()
    token = page.split('name="csrf" value="', 1)[1].split('"', 1)[0]
    for user in ("root", cage.bird()):
        form = {"csrf": token, "user": user, "password": cage.bird()}
        answer = opener.open(url, data=urllib.parse.urlencode(form).encode(), timeout=10)
        answer.read()
        page = opener.open(url, timeout=10).read().decode()
        token = page.split('name="csrf" value="', 1)[1].split('"', 1)[0]


def on_the_data_plane(cage, instance, password):
    """AUTH and its relatives, right and wrong, slow ones and in transactions."""
    endpoint = NewSdk(cage.larder.ready).endpoint(instance, password)
    cage.larder.seen_ports.add(endpoint["port"])
    NewSdk(cage.larder.ready).call("ModifySecurityIps", instance_id=instance,
                                   security_ips="127.0.0.1")

    def connect(**login):
        return redis.Redis(host=endpoint["host"], port=endpoint["port"], socket_timeout=10,
                           protocol=2, retry=Retry(NoBackoff(), 0), **login)

    cage.refused(connect(password=cage.bird()).ping)
    cage.refused(connect(username=cage.bird("x"), password=cage.bird()).ping)
    client = connect(password=password)
    words = [
        ("AUTH", cage.bird()), ("AUTH", "default", cage.bird()), ("HELLO", "3", "AUTH", "default",
        cage.bird()), ("CONFIG", "SET", "requirepass", cage.bird()), ("CONFIG", "SET",
        "masterauth", cage.bird()), ("ACL", "SETUSER", "x", ">" + cage.bird()), ("MIGRATE", "h",
        "1", "k", "0", "9", "AUTH", cage.bird()), ("DEBUG", cage.bird()),
    ]
    for command in words:
        cage.refused(client.execute_command, *command)
    client.execute_command("PING")
    return client


def files(larder):
    """All files of the installation, less the one that is there to hold secrets."""
    return [path for path in [larder.log, *larder.data.rglob("*"), *larder.home.rglob("*")]
            if path.is_file()]


def proc(larder):
    """Command lines and environments of all its processes."""
    for pid in larder.pids():
        for name in ("cmdline", "environ"):
            yield f"{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes()


def access_keys(cage):
    """Secrets of keys that users get, and a call signed with one."""
    found = []
    cage.common("CreateUser", version=RAM, UserName="keeper")
    for _ in range(2):
        made = json.loads(cage.common("CreateAccessKey", version=RAM, UserName="keeper"))
        key = made["AccessKey"]
        found.append(key["AccessKeySecret"])
        cage.refused(cage.common, "DescribeRegions", key_id=key["AccessKeyId"],
                     secret=key["AccessKeySecret"])
    return found


def hits(larder, needle):
    """Where a text is found."""
    found = [str(path) for path in files(larder) if needle in path.read_bytes()]
    return found + [where for where, content in proc(larder) if needle in content]


def test_no_secret_is_ever_written_down(larder):
    cage = Cage(larder)
    instance, password = through_the_api(cage)
    by_mistake(cage, instance)
    at_the_console(cage)
    keys = access_keys(cage)
    on_the_data_plane(cage, instance, password)
    done = larder.cli("instance", "passwd", instance, stdin=cage.bird() + "\n")
    assert MARK not in done.stdout + done.stderr
    NewSdk(larder.ready).call("RestartInstance", instance_id=instance)
    NewSdk(larder.ready).wait_normal(instance)
    assert cage.made > 40
    assert hits(larder, MARK.encode()) == []
    assert [words for words in cage.heard if MARK in words] == []
    # What the first start made is announced once, and nowhere else in the clear.
    for secret in (*keys, larder.ready["access_key_secret"], larder.ready["console_password"],
                   larder.ready["instance"]["password"]):
        assert [where for where in hits(larder, secret.encode()) if where != str(larder.log)] == []
    larder.stop()
    assert hits(larder, MARK.encode()) == []
