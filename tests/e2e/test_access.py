"""Who may connect: allowlist groups through the official SDK, seen from the addresses of a host."""

import socket

import pytest

from support.sdk import REGION, ApiError, NewSdk

PASSWORD = "Access-2026"


def ping(endpoint, source):
    """What a client from this address of the host is told: PONG, or the refusal."""
    with socket.create_connection(
        (endpoint["host"], endpoint["port"]), timeout=20, source_address=(source, 0)
    ) as client:
        try:
            client.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(PASSWORD), PASSWORD.encode()))
            return client.recv(64).split(b"\r\n")[0].decode()
        except ConnectionError:
            return ""


def admitted(endpoint, source):
    """Whether a client from this address gets in."""
    said = ping(endpoint, source)
    assert said in ("+OK", "-ERR illegal address", ""), said
    return said == "+OK"


def code(act):
    """Status and code of the refusal that the call must end with."""
    with pytest.raises(ApiError) as raised:
        act()
    return raised.value.status, raised.value.code


class Subject:
    """An instance and calls about it."""

    def __init__(self, sdk):
        self.sdk = sdk
        self.instance_id = sdk.create(password=PASSWORD)["InstanceId"]
        sdk.wait_normal(self.instance_id)
        self.endpoint = sdk.endpoint(self.instance_id, PASSWORD)

    def allow(self, ips, **parameters):
        """ModifySecurityIps."""
        about = {"instance_id": self.instance_id, "security_ips": ips}
        return self.sdk.call("ModifySecurityIps", **(about | parameters))

    def groups(self):
        """Entries by group."""
        answer = self.sdk.call("DescribeSecurityIps", instance_id=self.instance_id)
        groups = answer["SecurityIpGroups"]["SecurityIpGroup"]
        return {group["SecurityIpGroupName"]: group["SecurityIpList"] for group in groups}

    def admitted(self):
        """Those of three addresses that get in."""
        sources = ("127.0.0.1", "127.0.0.2", "127.0.1.1")
        return [source for source in sources if admitted(self.endpoint, source)]

    def delete(self):
        """To the end."""
        self.sdk.wait_normal(self.instance_id)
        self.sdk.call("DeleteInstance", instance_id=self.instance_id)
        self.sdk.wait_gone(self.instance_id)


@pytest.fixture
def sdk(shared):
    """The official SDK with the root key."""
    return NewSdk(shared.ready)


@pytest.fixture
def subject(sdk):
    """A fresh instance."""
    subject = Subject(sdk)
    yield subject
    subject.delete()


def test_groups_admit_what_they_say_when_the_call_returns(subject):
    assert subject.admitted() == [], "127.0.0.1 of a new instance is nobody"
    subject.allow("127.0.0.2", security_ip_group_name="office")
    assert subject.admitted() == ["127.0.0.2"], "the placeholder has no effect"
    subject.allow("127.0.0.1")
    assert subject.admitted() == ["127.0.0.1", "127.0.0.2"]
    subject.allow("127.0.1.9/24", modify_mode="Append")
    assert subject.admitted() == ["127.0.0.1", "127.0.0.2", "127.0.1.1"]
    subject.allow("127.0.1.0/24", modify_mode="Delete")
    assert subject.admitted() == ["127.0.0.1", "127.0.0.2"]
    subject.allow("127.0.0.2", security_ip_group_name="office", modify_mode="Delete")
    assert subject.groups() == {"default": "127.0.0.1"}, "an emptied group is gone"
    assert subject.admitted() == ["127.0.0.1"]
    subject.allow("0.0.0.0/0")
    assert subject.admitted() == ["127.0.0.1", "127.0.0.2", "127.0.1.1"]


def test_open_connections_stay(subject, shared):
    subject.allow("127.0.0.1")
    client = shared.redis(subject.endpoint)
    client.set("key", "value")
    subject.allow("10.0.0.1")
    assert client.get("key") == "value"
    assert subject.admitted() == []


def test_limits_and_refusals(subject):
    full = ",".join(f"10.0.{n // 256}.{n % 256}" for n in range(1000))
    subject.allow(full)
    subject.allow(full, security_ip_group_name="second")
    assert subject.groups() == {"default": full, "second": full}
    rows = [
        ("10.1.0.0", {"modify_mode": "Append"}, (400, "SecurityIPList.LimitExceeded")),
        (full + ",10.1.0.0", {}, (400, "SecurityIPList.LimitExceeded")),
        ("10.0.0.1", {"modify_mode": "Append"}, (409, "SecurityIPList.Duplicate")),
        ("10.0.0.1,10.0.0.1/32", {}, (409, "SecurityIPList.Duplicate")),
        ("10.9.0.1", {"modify_mode": "Delete"}, (404, "InvalidSecurityIPList.NotFound")),
        (full, {"modify_mode": "Delete"}, (404, "InvalidSecurityIPList.NotFound")),
        ("10.0.0.1/0", {}, (400, "InvalidSecurityIPList.Format")),
        ("10.0.0.1", {"security_ip_group_name": "Bad"}, (400, "InvalidGroupName.Format")),
        (
            "10.0.0.1",
            {"security_ip_group_name": "hdm_security_ips"},
            (400, "InvalidGroupName.Format"),
        ),
    ]
    for ips, parameters, expected in rows:
        assert code(lambda: subject.allow(ips, **parameters)) == expected, (ips[-60:], parameters)
    assert subject.groups() == {"default": full, "second": full}


def test_a_shared_group_reaches_every_bound_instance(sdk, subject):
    other = Subject(sdk)

    def call(action, **parameters):
        return sdk.call(action, region_id=REGION, **parameters)

    def bind(to, group_id):
        about = {"dbcluster_id": to.instance_id, "global_security_group_id": group_id}
        return call("ModifyGlobalSecurityIPGroupRelation", **about)

    made = call("CreateGlobalSecurityIPGroup", global_ig_name="loop", gip_list="127.0.0.1")
    [group] = made["GlobalSecurityIPGroup"]
    group_id = group["GlobalSecurityGroupId"]
    about = {"global_security_group_id": group_id}
    for bound in (subject, other):
        assert bound.admitted() == []
        bind(bound, group_id)
        assert bound.admitted() == ["127.0.0.1"], "in force when the call returns"
    names = {"global_ig_name": "loops", "gip_list": "127.0.0.2,127.0.1.0/24"}
    call("ModifyGlobalSecurityIPGroup", **(about | names))
    for bound in (subject, other):
        assert bound.admitted() == ["127.0.0.2", "127.0.1.1"]
    call("ModifyGlobalSecurityIPGroupName", global_ig_name="ring", **about)
    [seen] = call("DescribeGlobalSecurityIPGroup", **about)["GlobalSecurityIPGroup"]
    assert sorted(seen["DBInstances"]) == sorted([subject.instance_id, other.instance_id])
    assert (seen["GlobalIgName"], seen["GIpList"]) == ("ring", names["gip_list"])
    refused = code(lambda: call("DeleteGlobalSecurityIPGroup", **about))
    assert refused == (403, "OperationDenied.GlobalSecurityIPGroupInUse")
    other.delete()
    bind(subject, "")
    assert subject.admitted() == []
    relation = {"dbcluster_id": subject.instance_id}
    answer = call("DescribeGlobalSecurityIPGroupRelation", **relation)
    assert answer["GlobalSecurityIPGroupRel"] == []
    call("DeleteGlobalSecurityIPGroup", **about)
    refused = code(lambda: call("DescribeGlobalSecurityIPGroup", **about))
    assert refused == (404, "InvalidGlobalSecurityGroupId.NotFound")


def test_the_diagnosis_agrees_with_what_clients_see(sdk, subject):
    def ask(source):
        about = {"dbinstance_id": subject.instance_id, "src_ip": source}
        said = sdk.call("DescribeDbInstanceConnectivity", **about)
        return said["ConnCheckResult"], said["ConnCheckErrorCode"]

    def agrees(source):
        passes = ask(source)[0] == "Success"
        assert passes == admitted(subject.endpoint, source), source
        return passes

    assert ask("127.0.0.1") == ("Failed", "SRC_IP_NOT_IN_USER_WHITELIST")
    subject.allow("127.0.0.2")
    assert [agrees(source) for source in ("127.0.0.1", "127.0.0.2")] == [False, True]
    assert ask("10.0.0.1") == ("Failed", "CONNECTION_ABNORMAL"), "the endpoint is this host's own"
    assert code(lambda: ask("nonsense")) == (400, "InvalidSrcIp.Malformed")


def test_no_security_group_is_promised(sdk, subject):
    def change(group):
        about = {"dbinstance_id": subject.instance_id, "security_group_id": group}
        return sdk.call("ModifySecurityGroupConfiguration", **about)

    assert code(lambda: change("sg-1")) == (404, "InvalidSecurityGroupId.NotFound")
