"""Users, keys, policies, roles and sessions through the official SDKs of RAM and STS."""

import json

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

from support.sdk import REGION, ApiError, NewSdk, OldSdk, _snake


class Service:
    """One of the SDKs of RAM and STS with one key."""

    def __init__(self, client, models, ready, key=None, algorithm=None):
        key = key or (ready["access_key_id"], ready["access_key_secret"], None)
        config = utils_models.Config(
            access_key_id=key[0], access_key_secret=key[1], security_token=key[2],
            endpoint=ready["api"].removeprefix("http://").rstrip("/"), protocol="http",
            region_id=REGION)
        if algorithm:
            config.signature_algorithm = algorithm
        self.client, self.models = client(config), models

    def call(self, action, **parameters):
        """One action; raises ApiError with the detail of a refusal."""
        method = getattr(self.client, _snake(action))
        request = getattr(self.models, f"{action}Request", None)
        try:
            answer = method(request(**parameters)) if request else method()
        except AlibabaCloudException as error:
            raised = ApiError(error.code, error.status_code, error.message)
            raised.detail = getattr(error, "access_denied_detail", None)
            raise raised from None
        return answer.body.to_map()


def code(act, *arguments, **parameters):
    """Status and code of the refusal that the call must end with."""
    with pytest.raises(ApiError) as raised:
        act(*arguments, **parameters)
    return raised.value.status, raised.value.code


def document(effect, action, resource="*", **rest):
    statement = {"Effect": effect, "Action": action, "Resource": resource} | rest
    return json.dumps({"Version": "1", "Statement": [statement]})


@pytest.fixture
def ram(shared):
    return Service(RamClient, ram_models, shared.ready)


@pytest.fixture
def user(ram, shared):
    """Makes users with a key; gives the key. Takes everything away again."""
    names = []

    def make(name, *policies):
        ram.call("CreateUser", user_name=name)
        names.append(name)
        for kind, policy in policies:
            ram.call("AttachPolicyToUser", user_name=name, policy_type=kind, policy_name=policy)
        key = ram.call("CreateAccessKey", user_name=name)["AccessKey"]
        return key["AccessKeyId"], key["AccessKeySecret"], None

    yield make
    for name in names:
        for policy in ram.call("ListPoliciesForUser", user_name=name)["Policies"]["Policy"]:
            ram.call("DetachPolicyFromUser", user_name=name, policy_type=policy["PolicyType"],
                     policy_name=policy["PolicyName"])
        for key in ram.call("ListAccessKeys", user_name=name)["AccessKeys"]["AccessKey"]:
            ram.call("DeleteAccessKey", user_name=name, user_access_key_id=key["AccessKeyId"])
        ram.call("DeleteUser", user_name=name)


def test_a_user_does_what_its_policies_say(shared, ram, user):
    instance = shared.ready["instance"]["id"]
    key = user("reader", ("System", "AliyunKvstoreReadOnlyAccess"))
    for sdk in (NewSdk(shared.ready, key_id=key[0], secret=key[1]),
                NewSdk(shared.ready, key_id=key[0], secret=key[1], algorithm="v2"),
                OldSdk(shared.ready, key_id=key[0], secret=key[1])):
        assert sdk.status(instance) == "Normal"
        assert code(sdk.call, "DeleteInstance", instance_id=instance) == (403, "NoPermission")
    as_reader = Service(RamClient, ram_models, shared.ready, key)
    with pytest.raises(ApiError) as raised:
        as_reader.call("CreateUser", user_name="other")
    detail = raised.value.detail
    assert detail["AuthAction"] == "ram:CreateUser"
    assert detail["NoPermissionType"] == "ImplicitDeny"
    assert detail["AuthPrincipalType"] == "SubUser"
    ram.call("CreatePolicy", policy_name="no-reads",
             policy_document=document("Deny", "kvstore:Describe*"))
    ram.call("AttachPolicyToUser", user_name="reader", policy_type="Custom",
             policy_name="no-reads")
    sdk = NewSdk(shared.ready, key_id=key[0], secret=key[1])
    assert code(sdk.status, instance) == (403, "NoPermission")
    assert code(ram.call, "DeletePolicy", policy_name="no-reads") == (
        409, "DeleteConflict.Policy.User")
    ram.call("DeletePolicy", policy_name="no-reads", cascading_delete=True)
    assert sdk.status(instance) == "Normal"


def test_conditions_and_tags(shared, ram, user):
    instance = shared.ready["instance"]["id"]
    here = {"IpAddress": {"acs:SourceIp": "127.0.0.0/8"},
            "DateLessThan": {"acs:CurrentTime": "2999-01-01T00:00:00Z"},
            "Bool": {"acs:SecureTransport": "false"}}
    tagged = {"StringEquals": {"acs:ResourceTag/env": "test"}}
    for name, condition, may in (("here", here, True), ("tagged", tagged, False)):
        ram.call("CreatePolicy", policy_name=name,
                 policy_document=document("Allow", "kvstore:*", Condition=condition))
        key = user(f"user-{name}", ("Custom", name))
        sdk = NewSdk(shared.ready, key_id=key[0], secret=key[1])
        if not may:
            assert code(sdk.status, instance) == (403, "NoPermission")
            NewSdk(shared.ready).call(
                "TagResources", region_id=REGION, resource_type="INSTANCE",
                resource_id=[instance], tag=[_tag("env", "test")])
        assert sdk.status(instance) == "Normal"
        ram.call("DeletePolicy", policy_name=name, cascading_delete=True)


def _tag(key, value):
    from alibabacloud_r_kvstore20150101 import models
    return models.TagResourcesRequestTag(key=key, value=value)


def test_keys_rotate_and_stop_at_the_next_request(shared, ram, user):
    instance = shared.ready["instance"]["id"]
    first = user("rotating", ("System", "ReadOnlyAccess"))
    made = ram.call("CreateAccessKey", user_name="rotating")["AccessKey"]
    assert code(ram.call, "CreateAccessKey", user_name="rotating") == (
        409, "LimitExceeded.User.AccessKey")
    second = NewSdk(shared.ready, key_id=made["AccessKeyId"], secret=made["AccessKeySecret"])
    old = NewSdk(shared.ready, key_id=first[0], secret=first[1])
    assert (old.status(instance), second.status(instance)) == ("Normal", "Normal")
    about = {"user_name": "rotating", "user_access_key_id": first[0]}
    ram.call("UpdateAccessKey", status="Inactive", **about)
    assert code(old.status, instance) == (400, "InvalidAccessKeyId.Inactive")
    ram.call("UpdateAccessKey", status="Active", **about)
    assert old.status(instance) == "Normal"
    used = ram.call("GetAccessKeyLastUsed", **about)["AccessKeyLastUsed"]["LastUsedDate"]
    assert used.endswith("Z")
    ram.call("DeleteAccessKey", **about)
    assert code(old.status, instance) == (404, "InvalidAccessKeyId.NotFound")
    assert second.status(instance) == "Normal"


def test_faulty_documents_name_the_culprit(ram):
    for text, culprit in ((document("Permit", "*"), "Statement[0].Effect"),
                          (document("Allow", "kvstore"), "Statement[0].Action"),
                          (document("Allow", "*", "r-1"), "Statement[0].Resource"),
                          (document("Allow", "*", Condition={"Bool": {"acs:Bold": "true"}}),
                           "acs:Bold"),
                          ("{", "JSON"), (document("Allow", "kvstore:" + "a" * 6200), "6144")):
        with pytest.raises(ApiError) as raised:
            ram.call("CreatePolicy", policy_name="faulty", policy_document=text)
        assert raised.value.code == "MalformedPolicyDocument"
        assert culprit in str(raised.value)
    assert code(ram.call, "GetPolicy", policy_type="Custom", policy_name="faulty") == (
        404, "EntityNotExist.Policy")


def test_sessions_of_a_role(shared, ram, user):
    instance = shared.ready["instance"]["id"]
    root = Service(StsClient, sts_models, shared.ready)
    account = root.call("GetCallerIdentity")
    assert account["IdentityType"] == "Account"
    trust = {"Version": "1", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"RAM": [f"acs:ram::{account['AccountId']}:user/operator"]}}]}
    role = ram.call("CreateRole", role_name="keeper",
                    assume_role_policy_document=json.dumps(trust))["Role"]
    try:
        about = {"policy_type": "System", "policy_name": "AliyunKvstoreFullAccess"}
        ram.call("AttachPolicyToRole", role_name="keeper", **about)
        wanted = {"role_arn": role["Arn"], "role_session_name": "nightly"}
        assert code(root.call, "AssumeRole", **wanted) == (403, "NoPermission")
        key = user("operator", ("System", "AliyunSTSAssumeRoleAccess"))
        operator = Service(StsClient, sts_models, shared.ready, key)
        assert operator.call("GetCallerIdentity")["IdentityType"] == "RAMUser"
        only_reads = document("Allow", "kvstore:Describe*")
        made = operator.call("AssumeRole", policy=only_reads, **wanted)
        given = made["Credentials"]
        session = given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"]
        for algorithm in (None, "v2"):
            sts = Service(StsClient, sts_models, shared.ready, session, algorithm)
            told = sts.call("GetCallerIdentity")
            assert told["IdentityType"] == "AssumedRoleUser"
            assert told["Arn"] == made["AssumedRoleUser"]["Arn"]
            sdk = _session_sdk(shared.ready, session, algorithm)
            assert sdk.status(instance) == "Normal"
            assert code(sdk.call, "DeleteInstance", instance_id=instance) == (403, "NoPermission")
        no_token = NewSdk(shared.ready, key_id=session[0], secret=session[1])
        assert code(no_token.status, instance) == (400, "MissingSecurityToken")
        ram.call("DetachPolicyFromRole", role_name="keeper", **about)
        assert code(sdk.status, instance) == (403, "NoPermission")
    finally:
        ram.call("DeleteRole", role_name="keeper")
    assert code(sdk.status, instance) == (404, "InvalidAccessKeyId.NotFound")


def _session_sdk(ready, session, algorithm):
    from alibabacloud_r_kvstore20150101.client import Client
    sdk = NewSdk(ready, algorithm=algorithm)
    config = utils_models.Config(
        access_key_id=session[0], access_key_secret=session[1], security_token=session[2],
        endpoint=ready["api"].removeprefix("http://").rstrip("/"), protocol="http",
        region_id=REGION)
    if algorithm:
        config.signature_algorithm = algorithm
    sdk.client = Client(config)
    return sdk


def test_groups_roles_and_lists_have_their_shapes(ram, user):
    user("member")
    ram.call("CreateGroup", group_name="team", comments="of tests")
    ram.call("AddUserToGroup", user_name="member", group_name="team")
    [group] = ram.call("ListGroupsForUser", user_name="member")["Groups"]["Group"]
    assert group["GroupName"] == "team" and group["JoinDate"].endswith("Z")
    [shown] = ram.call("ListUsersForGroup", group_name="team")["Users"]["User"]
    assert shown["UserName"] == "member"
    assert code(ram.call, "DeleteGroup", group_name="team") == (409, "DeleteConflict.Group.User")
    ram.call("RemoveUserFromGroup", user_name="member", group_name="team")
    ram.call("DeleteGroup", group_name="team")
    names, marker = [], None
    while True:
        page = ram.call("ListPolicies", policy_type="System", max_items=4, marker=marker)
        names += [policy["PolicyName"] for policy in page["Policies"]["Policy"]]
        if not page["IsTruncated"]:
            break
        marker = page["Marker"]
    assert names == sorted(set(names)) and "AdministratorAccess" in names


def test_accounts_of_the_installation_see_nothing_of_each_other(shared):
    instance = shared.ready["instance"]["id"]
    done = shared.cli("account", "create", "-o", "json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    key = made["AccessKeyId"], made["AccessKeySecret"], None
    other = NewSdk(shared.ready, key_id=key[0], secret=key[1])
    assert other.call("DescribeInstances", region_id=REGION)["TotalCount"] == 0
    foreign = code(other.call, "DeleteInstance", instance_id=instance)
    unknown = code(other.call, "DeleteInstance", instance_id="r-none")
    assert foreign == unknown == (404, "InvalidInstanceId.NotFound")
    ram = Service(RamClient, ram_models, shared.ready, key)
    assert ram.call("ListUsers")["Users"]["User"] == []
    listed = shared.cli("account", "list")
    assert made["AccountId"] in listed.stdout and listed.returncode == 0
    assert NewSdk(shared.ready).status(instance) == "Normal"
