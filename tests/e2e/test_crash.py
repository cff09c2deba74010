"""SIGKILL of control and of `larder up` at every persisted step of every workflow: each call takes
effect once, the world comes to what was asked, and nothing is left over."""

import datetime
import time
import uuid

import pytest
import redis
from alibabacloud_r_kvstore20150101 import models
from darabonba.exceptions import UnretryableException

from support import ports
from support.crash import CrashPoints
from support.larder import Larder
from support.sdk import ApiError, NewSdk, REGION
from support.waiting import attempt, until

PASSWORD = "Crashes-2026"
CONVERGE_S = 10
MOVED_ALREADY = "InvalidConnectionStringOrPort.Duplicate"
EVER = {"from_start_time": "2020-01-01T00:00:00Z", "to_start_time": "2099-01-01T00:00:00Z"}


class World:
    """A Larder that dies at will, and an instance in it."""

    def __init__(self, directory):
        directory.mkdir()
        self.points = CrashPoints(directory)
        environment = self.points.environment
        self.larder = Larder(directory / "larder", quickstart=False, environment=environment)
        self.larder.expected_log.append(r"")
        self.larder.start()
        self.sdk = NewSdk(self.larder.ready)
        self.instance_id = None

    def new_instance(self):
        """The instance that the next workflow is about."""
        self.instance_id = self.sdk.create(password=PASSWORD, port=ports.free_port())["InstanceId"]
        self.sdk.wait_normal(self.instance_id)

    def call(self, action, **parameters):
        """As a client does that must succeed: the same request again until it is answered."""
        return self.insist(lambda: self.sdk.call(action, **parameters))

    def insist(self, request):
        """Sends it until it is answered."""
        end = time.monotonic() + CONVERGE_S
        while True:
            try:
                return request()
            except ApiError as error:
                if error.status < 500 or end < time.monotonic():
                    raise
            except UnretryableException:
                if end < time.monotonic():
                    raise
            self.revive()

    def revive(self):
        """Starts `larder up` again if it was killed; control is started by the agent."""
        if self.larder.process.poll() is not None:
            self.larder.process = None
            self.larder.start()

    def settle(self, done, what):
        """Waits for the end of a workflow, across a kill."""
        def settled():
            self.revive()
            return attempt(done, ApiError, OSError, UnretryableException, redis.RedisError)

        until(settled, what, CONVERGE_S)

    def tasks(self, kind):
        """Tasks of one kind that the instance has had."""
        where = {"instance_id": self.instance_id, "region_id": REGION, "page_size": 100}
        items = self.sdk.call("DescribeHistoryTasks", **where, **EVER)["Items"]
        return [item["Status"] for item in items if item["TaskType"] == kind]

    def client(self):
        """A client of the instance."""
        endpoint = self.sdk.endpoint(self.instance_id, PASSWORD)
        return self.larder.redis(endpoint, socket_timeout=2)


def _create(world):
    token = uuid.uuid4().hex
    parameters = {"region_id": REGION, "instance_class": "redis.shard.small.2.ce", "token": token}
    answer = world.call("CreateInstance", password=PASSWORD, **parameters)
    world.instance_id = answer["InstanceId"]
    world.settle(lambda: world.sdk.status(world.instance_id) == "Normal", "the instance is Normal")
    world.settle(lambda: world.tasks("CreateIns") == ["Succeed"], "one creation")
    listed = world.sdk.call("DescribeInstances", region_id=REGION, page_size=50)
    ids = [one["InstanceId"] for one in listed["Instances"]["KVStoreInstance"]]
    assert ids == [world.instance_id]


def _allow(world):
    world.call("ModifySecurityIps", instance_id=world.instance_id, security_ips="127.0.0.1")
    world.settle(lambda: world.client().ping(), "the allowlist lets us in")


def _account(world):
    _allow(world)
    of_account = {"instance_id": world.instance_id, "account_name": "reader"}
    try:
        rights = {"account_privilege": "RoleReadOnly", "account_password": PASSWORD}
        world.call("CreateAccount", **of_account, **rights)
    except ApiError as error:
        assert error.code == "InvalidAccountName.Duplicate"
    endpoint = lambda: world.sdk.endpoint(world.instance_id, PASSWORD)
    reader = lambda: world.larder.redis(endpoint(), username="reader", socket_timeout=2)
    world.settle(lambda: reader().ping(), "the account can log in")
    listed = world.sdk.call("DescribeAccounts", instance_id=world.instance_id)
    names = [one["AccountName"] for one in listed["Accounts"]["Account"]]
    assert names.count("reader") == 1


def _resize(world):
    _allow(world)
    token = uuid.uuid4().hex
    parameters = {"instance_id": world.instance_id, "client_token": token}
    world.call("ModifyInstanceSpec", instance_class="redis.shard.mid.2.ce", **parameters)
    memory = lambda: world.client().info("memory")["maxmemory"]
    world.settle(lambda: memory() == 2 << 30, "the class has come about")
    world.settle(lambda: world.tasks("ModifyInsSpec") == ["Succeed"], "one change")


def _bandwidth(world):
    _allow(world)
    where = {"instance_id": world.instance_id, "target_intranet_bandwidth": "96"}
    try:
        world.call("ModifyInstanceBandwidth", **where)
    except ApiError as error:
        assert error.code == "IncorrectDBInstanceState"
    enforced = lambda: world.client().info("stats")["larder_bandwidth_bytes_per_s"]
    world.settle(lambda: enforced() == 96 << 20, "the bandwidth has come about")
    over = lambda: set(world.tasks("ModifyInsBandwidth")) == {"Succeed"}
    world.settle(over, "the change is over")


def _restart(world):
    _allow(world)
    pid = world.larder.node_pid(world.instance_id)
    try:
        world.call("RestartInstance", instance_id=world.instance_id)
    except ApiError as error:
        assert error.code == "IncorrectDBInstanceState"
    over = lambda: set(world.tasks("RestartIns")) == {"Succeed"} and world.client().ping()
    world.settle(over, "the restart is over")
    assert world.larder.node_pid(world.instance_id) != pid


def _operation(world):
    _allow(world)
    pid = world.larder.node_pid(world.instance_id)
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (now + datetime.timedelta(hours=hours) for hours in (6, 8))
    window = {"maintain_start_time": f"{start:%H:%M}Z", "maintain_end_time": f"{end:%H:%M}Z"}
    world.call("ModifyInstanceMaintainTime", instance_id=world.instance_id, **window)
    where = {"ins_name": world.instance_id, "status": 3}
    waiting = lambda: world.call("DescribeActiveOperationTasks", **where)["Items"]
    world.call("RestartInstance", instance_id=world.instance_id, effective_time="MaintainTime")
    for one in waiting()[1:]:
        # The call of before the kill was carried out too.
        world.call("CancelActiveOperationTasks", ids=str(one["Id"]))
    for one in waiting():
        try:
            world.call("ModifyActiveOperationTasks", ids=str(one["Id"]), immediate_start=1)
        except ApiError as error:
            assert error.code == "OperationDenied.TaskStatus", error
    over = lambda: "Succeed" in world.tasks("RestartIns") and world.client().ping()
    world.settle(over, "the restart is over")
    assert world.tasks("RestartIns").count("Succeed") == 1 and not waiting()
    assert world.larder.node_pid(world.instance_id) != pid


def _flush(world):
    _allow(world)
    client = world.client()
    client.set("old", "1")
    try:
        world.call("FlushInstance", instance_id=world.instance_id)
    except ApiError as error:
        assert error.code == "IncorrectDBInstanceState"
    world.settle(lambda: not world.client().exists("old"), "the data are gone")
    over = lambda: set(world.tasks("FlushIns")) == {"Succeed"} and world.client().ping()
    world.settle(over, "the flush is over")
    client = world.client()
    client.set("new", "1")
    world.call("ModifySecurityIps", instance_id=world.instance_id, security_ips="127.0.0.0/8")
    world.settle(lambda: world.client().get("new") == "1", "what was written later stays")


def _parameters(world):
    _allow(world)
    world.call("ModifyInstanceConfig", instance_id=world.instance_id, config='{"timeout":"300"}')
    shown = lambda: world.client().config_get("timeout")
    world.settle(lambda: shown() == {"timeout": "300"}, "the parameter is in force")


def _group(world):
    _allow(world)
    kind = {"category": "standard", "engine_type": "redis", "engine_version": "7.0"}
    wish = {"parameter_group_name": "of_crashes", "parameters": '{"timeout":"600"}'}
    where = {"region_id": REGION}
    try:
        world.call("CreateParameterGroup", **where, **kind, **wish)
    except ApiError as error:
        # Made by the call of before the kill, or for the instance before this one.
        assert error.code == "InvalidParameterGroupName.Duplicate", error
    [group] = world.sdk.call("DescribeParameterGroups", **where)["ParameterGroups"]
    apply = {"instance_id": world.instance_id, "parameter_group_id": group["ParamGroupId"]}
    world.call("ModifyInstanceParameter", **where, **apply)
    shown = lambda: world.client().config_get("timeout")
    world.settle(lambda: shown() == {"timeout": "600"}, "the group's value is in force")


def _lock(world):
    _allow(world)
    world.call("LockDBInstanceWrite", dbinstance_id=world.instance_id, lock_reason="a test")

    def is_locked():
        try:
            return not world.client().set("locked", "yes")
        except redis.exceptions.ReadOnlyError:
            return True

    world.settle(is_locked, "the lock is in force")


def _port(world):
    _allow(world)
    before = world.sdk.endpoint(world.instance_id, PASSWORD)
    port = ports.free_port()
    world.larder.seen_ports.add(port)
    where = {"current_connection_string": before["host"], "port": str(port)}
    try:
        call = "ModifyDBInstanceConnectionString"
        world.call(call, dbinstance_id=world.instance_id, **where)
    except ApiError as error:
        # The call of before the kill was carried out, or is being.
        assert error.code in ("IncorrectDBInstanceState", MOVED_ALREADY), error
    moved = lambda: world.sdk.endpoint(world.instance_id, PASSWORD)["port"] == port
    world.settle(lambda: moved() and world.client().ping(), "it answers on the new port")
    world.settle(lambda: not ports.is_open(before["port"]), "the old port is closed")


def _minor_version(world):
    _allow(world)
    try:
        world.call("ModifyInstanceMinorVersion", instance_id=world.instance_id)
    except ApiError as error:
        assert error.code == "IncorrectDBInstanceState", error
    normal = lambda: world.sdk.status(world.instance_id) == "Normal"
    world.settle(lambda: normal() and world.client().ping(), "it serves again")


def _tags(world):
    where = {"region_id": REGION, "resource_type": "INSTANCE", "resource_id": [world.instance_id]}
    tag = models.TagResourcesRequestTag(key="team", value="blue")
    world.call("TagResources", tag=[tag], **where)
    listed = lambda: world.sdk.call("ListTagResources", **where)["TagResources"]["TagResource"]
    world.settle(lambda: [one["TagValue"] for one in listed()] == ["blue"], "one tag")


def _delete(world):
    try:
        world.call("DeleteInstance", instance_id=world.instance_id)
    except ApiError as error:
        assert error.code == "InvalidInstanceId.NotFound"

    def gone():
        try:
            return not world.sdk.status(world.instance_id)
        except ApiError as error:
            return error.code == "InvalidInstanceId.NotFound"

    world.settle(gone, "the instance is gone")
    assert world.tasks("DeleteIns") == ["Succeed"]
    world.settle(lambda: not world.larder.pids("node"), "no process is left")


def _recover(world):
    _allow(world)
    world.client().set("kept", "yes")
    _delete(world)
    try:
        world.insist(lambda: world.sdk.own("RecoverInstance", InstanceId=world.instance_id))
    except ApiError as error:
        # The call of before the kill has brought it back.
        assert error.code == "IncorrectDBInstanceState", error
    world.settle(lambda: world.sdk.status(world.instance_id) == "Normal", "it is Normal again")
    world.settle(lambda: world.client().get("kept") == "yes", "its data are back")
    world.settle(lambda: world.tasks("RecoverIns") == ["Succeed"], "one recovery")
    world.settle(lambda: not world.sdk.released(), "the recycle bin is empty")


def _destroy(world):
    data = world.larder.data / "nodes" / f"{world.instance_id}-node-0"
    _delete(world)
    assert data.is_dir(), "the recycle bin keeps it"
    try:
        world.call("DestroyInstance", instance_id=world.instance_id)
    except ApiError as error:
        assert error.code == "InvalidInstanceId.NotFound", error
    world.settle(lambda: not data.exists(), "the data are gone")
    world.settle(lambda: world.tasks("DestroyIns") == ["Succeed"], "one end")
    world.settle(lambda: not world.sdk.released(), "the recycle bin is empty")
    assert not list((world.larder.data / "agent/nodes").iterdir()), "no record is left"


WORKFLOWS = {
    "create": _create,
    "allow": _allow,
    "account": _account,
    "resize": _resize,
    "bandwidth": _bandwidth,
    "restart": _restart,
    "operation": _operation,
    "flush": _flush,
    "parameters": _parameters,
    "parameter group": _group,
    "lock": _lock,
    "port": _port,
    "minor version": _minor_version,
    "tags": _tags,
    "delete": _delete,
    "recover": _recover,
    "destroy": _destroy,
}


def _remove_all(world):
    listed = world.sdk.call("DescribeInstances", region_id=REGION, page_size=50)
    for one in listed["Instances"]["KVStoreInstance"]:
        world.sdk.call("DeleteInstance", instance_id=one["InstanceId"])
        world.sdk.wait_gone(one["InstanceId"])
    for instance_id in world.sdk.released():
        world.sdk.call("DestroyInstance", instance_id=instance_id)
    until(lambda: not list((world.larder.data / "nodes").iterdir()), "no data are left")


@pytest.mark.parametrize("role", ["control", "up"])
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_kill_at_every_persisted_step(tmp_path, workflow, role):
    world = World(tmp_path / "world")
    run = WORKFLOWS[workflow]
    try:
        def prepare():
            _remove_all(world)
            if workflow != "create":
                world.new_instance()

        prepare()
        steps = world.points.count(role, lambda: run(world))
        print(f"{workflow}: {role} has {steps} persisted steps")
        for step in range(1, steps + 1):
            prepare()
            world.points.arm(role, step)
            run(world)
            world.points.arm(role, 0)
            # The last step may come, and kill, when the workflow is seen to be done.
            world.settle(lambda: world.sdk.call("DescribeRegions"), "the API answers")
        _remove_all(world)
        world.larder.stop()
        world.larder.check_clean_end()
    finally:
        world.larder.destroy()
