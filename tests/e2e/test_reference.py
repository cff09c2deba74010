"""Every action of kvstore_api.tsv against its documentation, generated from that file and sent by
the official SDK: good, missing, malformed and forbidden input, JSON types of the answers.
"""

import datetime

import pytest
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.runtime import RuntimeOptions

from support import api_reference
from support.ports import free_port
from support.sdk import REGION, ZONE, ApiError, NewSdk
from support.waiting import until

ACTIONS = api_reference.load()
PASSWORD = "Reference-2026"

# Not part of this version; the answer says so.
LATER = """
AddShardingNode DeleteShardingNode SwitchInstanceHA AllocateInstancePublicConnection
ReleaseInstancePublicConnection AllocateDirectConnection ReleaseDirectConnection ModifyInstanceSSL
CreateBackup DeleteBackup DescribeBackups DescribeBackupTasks ModifyBackupPolicy RestoreInstance
ModifyBackupExpireTime DescribeClusterBackupList
""".split()

# Documented fields that must not be there: Terraform tells the primary endpoint by their absence.
ABSENT = {"DescribeDBInstanceNetInfo": {"NetInfoItems.InstanceNetInfo[].IsSlaveProxy"}}

# Filters that find nothing with an unknown word, as words are added over the years; and billing,
# which is ignored whatever it says.
FREE = {
    "DescribeInstances": """ChargeType NetworkType InstanceType ArchitectureType EditionType NodeType
        """.split(),
    "DescribeAvailableResource": ["InstanceChargeType", "ProductType"],
}


def call(sdk, action, query):
    """One call with exactly these parameters."""
    params = utils_models.Params(
        action=action, version="2015-01-01", protocol="HTTP", pathname="/", method="POST",
        auth_type="AK", style="RPC", req_body_type="formData", body_type="json",
    )
    request = utils_models.OpenApiRequest(query={k: str(v) for k, v in query.items()})
    try:
        return sdk.client.call_api(params, request, RuntimeOptions())["body"]
    except AlibabaCloudException as error:
        raise ApiError(error.code, error.status_code, error.message) from None


def refusal(sdk, action, query):
    """The refusal of a call that must not succeed."""
    with pytest.raises(ApiError) as refused:
        call(sdk, action, query)
    return refused.value


def tomorrow():
    """As the API writes it."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


class Subject:
    """One instance, and parameters that are good for it."""

    def __init__(self, larder):
        self.sdk = NewSdk(larder.ready)
        self.instance_id = self.sdk.create(password=PASSWORD)["InstanceId"]
        self.sdk.wait_normal(self.instance_id)
        rights = {"AccountPrivilege": "RoleReadWrite", "AccountPassword": PASSWORD}
        self.call("CreateAccount", AccountName="present", **rights)
        self.call("CreateAccount", AccountName="leaving", **rights)
        self.groups = [self._group(name) for name in ("reference_present", "reference_leaving")]
        self.operations = self._operations()

    def call(self, action, **query):
        """A call about the instance, once it takes changes."""
        self.sdk.wait_normal(self.instance_id)
        return call(self.sdk, action, {"InstanceId": self.instance_id} | query)

    def _group(self, name):
        kind = {"Category": "standard", "EngineType": "redis", "EngineVersion": "7.0"}
        wish = {"RegionId": REGION, "ParameterGroupName": name, "Parameters": '{"timeout":1}'}
        return call(self.sdk, "CreateParameterGroup", kind | wish)["ParamGroupId"]

    def _operations(self):
        """Numbers of two restarts that wait until tomorrow."""
        now = datetime.datetime.now(datetime.timezone.utc)
        start, end = (now + datetime.timedelta(hours=hours) for hours in (6, 8))
        window = {"MaintainStartTime": f"{start:%H:%M}Z", "MaintainEndTime": f"{end:%H:%M}Z"}
        self.call("ModifyInstanceMaintainTime", **window)
        for _ in range(2):
            self.call("RestartInstance", EffectiveTime="MaintainTime")
        listed = self.call("DescribeActiveOperationTasks", InsName=self.instance_id, Status=3)
        numbers = [one["Id"] for one in listed["Items"]]
        every = ",".join(str(number) for number in numbers)
        self.call("ModifyActiveOperationTasks", Ids=every, SwitchTime=tomorrow())
        return numbers

    def good(self, action):
        """Parameters that the action takes now."""
        names = {parameter.name for parameter in ACTIONS[action.name].parameters}
        query = {"RegionId": REGION} if "RegionId" in names else {}
        if "InstanceId" in names and action.name not in ("DescribeAvailableResource",):
            query["InstanceId"] = self.instance_id
        if "DBInstanceId" in names:
            query["DBInstanceId"] = self.instance_id
        return query | self.particular().get(action.name, {})

    def particular(self):
        """What each action needs besides its region and instance."""
        now = datetime.datetime.now(datetime.timezone.utc)
        hour_ago = now - datetime.timedelta(hours=1)
        minutes = {"StartTime": f"{hour_ago:%Y-%m-%dT%H:%MZ}", "EndTime": f"{now:%Y-%m-%dT%H:%MZ}"}
        seconds = {
            "StartTime": f"{hour_ago:%Y-%m-%dT%H:%M:%SZ}",
            "EndTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        }
        tags = {"ResourceType": "INSTANCE", "ResourceId.1": self.instance_id}
        account = {"AccountName": "present"}
        kind = {"Category": "standard", "EngineType": "redis", "EngineVersion": "7.0"}
        present, leaving = ({"ParameterGroupId": group} for group in self.groups)
        staying, going = ({"Ids": number} for number in self.operations)
        wish = {"Category": "standard", "Parameters": '{"timeout":2}'}
        return {
            "CreateParameterGroup": kind | wish | {"ParameterGroupName": "reference_made"},
            "ModifyParameterGroup": present | wish | {"ParameterGroupName": "reference_present"},
            "DeleteParameterGroup": leaving,
            "DescribeParameterGroup": present,
            "DescribeParameterGroupSupportParam": kind,
            "DescribeParameterGroupTemplateList": kind,
            "ModifyInstanceParameter": present,
            "DescribeActiveOperationTask": {"Region": "all", "TaskType": "all"},
            "ModifyActiveOperationTasks": staying | {"SwitchTime": tomorrow()},
            "ModifyActiveOperationTask": staying | {"SwitchTime": tomorrow()},
            "CancelActiveOperationTasks": going,
            "ModifyActiveOperationMaintainConfig": {
                "Status": 2,
                "CycleType": "Week",
                "CycleTime": "6,7",
                "MaintainStartTime": "01:00:00Z",
                "MaintainEndTime": "03:00:00Z",
            },
            "ModifyDBInstanceMonitor": {"Interval": 60},
            "LockDBInstanceWrite": {"LockReason": "of the reference"},
            "CreateInstance": {"ZoneId": ZONE, "InstanceClass": "redis.shard.micro.ce"},
            "ModifyInstanceAttribute": {"InstanceName": "subject"},
            "ModifyInstanceBandwidth": {"TargetIntranetBandwidth": 192},
            "ModifyInstanceSpec": {"InstanceClass": "redis.shard.mid.2.ce"},
            "ModifyInstanceMaintainTime": {
                "MaintainStartTime": "01:00Z",
                "MaintainEndTime": "03:00Z",
            },
            "DescribeHistoryTasks": {
                "FromStartTime": "2020-01-01T00:00:00Z",
                "ToStartTime": "2099-01-01T00:00:00Z",
            },
            "CreateAccount": {"AccountName": "made", "AccountPassword": PASSWORD},
            "DeleteAccount": {"AccountName": "leaving"},
            "GrantAccountPrivilege": account | {"AccountPrivilege": "RoleReadOnly"},
            "ModifyAccountDescription": account | {"AccountDescription": "of the reference"},
            "ModifyAccountPassword": account
            | {"OldAccountPassword": PASSWORD, "NewAccountPassword": PASSWORD + "x"},
            "ResetAccountPassword": account | {"AccountPassword": PASSWORD},
            "ModifySecurityIps": {"SecurityIps": "10.0.0.1,10.1.0.0/16"},
            "ModifyDBInstanceConnectionString": {
                "CurrentConnectionString": self.sdk.attribute(self.instance_id)["ConnectionDomain"],
                "Port": free_port(),
            },
            "ModifyInstanceVpcAuthMode": {"VpcAuthMode": "Open"},
            "ModifyInstanceConfig": {"Config": '{"timeout":"300"}'},
            "DescribeParameterTemplates": {
                "CharacterType": "normal",
                "Engine": "Redis",
                "EngineVersion": "7.0",
            },
            "DescribeParameterModificationHistory": minutes,
            "DescribeHistoryMonitorValues": seconds | {"IntervalForHistory": "01m"},
            "DescribeSlowLogRecords": minutes,
            "DescribeRunningLogRecords": minutes,
            "DescribeAuditRecords": seconds,
            "ModifyAuditLogConfig": {"DbAudit": "true", "Retention": 15},
            "FlushInstanceForDB": {"DbIndex": 3},
            "TagResources": tags | {"Tag.1.Key": "team", "Tag.1.Value": "reference"},
            "UntagResources": tags | {"TagKey.1": "team"},
            "ListTagResources": tags,
        }


@pytest.fixture(scope="module")
def subject(shared):
    """The one instance of this file."""
    return Subject(shared)


PRESENT = [action for name, action in ACTIONS.items() if name not in LATER]


def by_name(action):
    """For the names of the cases."""
    return action.name


@pytest.mark.parametrize("action", PRESENT, ids=by_name)
def test_answers_have_the_documented_shape(subject, action):
    if action.name in ("DeleteInstance", "CreateInstance"):
        created = call(subject.sdk, "CreateInstance", subject.good(ACTIONS["CreateInstance"]))
        victim = created["InstanceId"]
        subject.sdk.wait_normal(victim)
        deleted = call(subject.sdk, "DeleteInstance", {"InstanceId": victim})
        subject.sdk.wait_gone(victim)
        answer = created if action.name == "CreateInstance" else deleted
    else:
        subject.sdk.wait_normal(subject.instance_id)
        answer = call(subject.sdk, action.name, subject.good(action))
    assert answer["RequestId"], "every answer names its request"
    absent = ABSENT.get(action.name, set())
    found = api_reference.differences(action.shape, answer)
    found = [one for one in found if one[0] not in absent]
    assert not found, f"{action.name}: {found}\n{answer}"


@pytest.mark.parametrize("action", PRESENT, ids=by_name)
def test_a_missing_parameter_is_named(subject, action):
    good = subject.good(action)
    required = [parameter.name for parameter in action.parameters if parameter.required]
    for name in required:
        first = name.split(".")[0]
        query = {key: value for key, value in good.items() if key.split(".")[0] != first}
        error = refusal(subject.sdk, action.name, query)
        assert error.status == 400, (name, error)
        assert error.code.startswith("Miss") or first in error.code, (name, error)
        assert first in str(error) or first in error.code, (name, error)


@pytest.mark.parametrize("action", PRESENT, ids=by_name)
def test_a_malformed_parameter_is_refused_and_named(subject, action):
    good = subject.good(action)
    for parameter in action.parameters:
        if "." in parameter.name or parameter.name in FREE.get(action.name, []):
            continue
        wrong = []
        if parameter.type != "text":
            wrong = ["nonsense", "1e400"]
        elif parameter.values:
            wrong = ["nonsense"]
        elif parameter.name.endswith("Time"):
            wrong = ["yesterday"]
        for value in wrong:
            try:
                call(subject.sdk, action.name, good | {parameter.name: value})
            except ApiError as refused:
                error = refused
            else:
                raise AssertionError(f"{parameter.name}={value} is taken")
            assert error.status in (400, 403), (parameter.name, value, error)
            told = f"{error.code} {error}"
            assert parameter.name in told, (parameter.name, value, error)


@pytest.mark.parametrize("action", PRESENT, ids=by_name)
def test_what_is_not_there_is_not_found(subject, action):
    good = subject.good(action)
    for name in ("InstanceId", "DBInstanceId"):
        lists = action.name in ("DescribeHistoryTasks",)
        if name in good and not lists:
            error = refusal(subject.sdk, action.name, good | {name: "r-0000000000000000"})
            assert error.status == 404, error
            assert error.code.lower().startswith(("invalidinstanceid", "invaliddbinstance")), error


@pytest.mark.parametrize("name", LATER)
def test_what_is_not_available_yet_says_so(subject, name):
    error = refusal(subject.sdk, name, {"InstanceId": subject.instance_id})
    assert (error.status, error.code) == (404, "InvalidAction.NotFound")
    assert f"{name} is not available in this version" in str(error)


def test_forged_signatures_are_refused(shared):
    forged = NewSdk(shared.ready, secret="x" * 30)
    for name in ACTIONS:
        error = refusal(forged, name, {})
        assert (error.status, error.code) == (400, "SignatureDoesNotMatch"), name
