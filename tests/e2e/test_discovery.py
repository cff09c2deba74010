"""The reads that clients and Terraform's provider make, through the official SDK."""

import pytest

from support.sdk import REGION, ApiError, NewSdk


@pytest.fixture
def sdk(shared):
    """The new SDK with the root key."""
    return NewSdk(shared.ready)


@pytest.fixture
def fresh(sdk):
    """An instance that nobody has changed yet."""
    instance_id = sdk.create(instance_name="fresh")["InstanceId"]
    sdk.wait_normal(instance_id)
    yield instance_id
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)


def test_refresh_of_terraforms_kvstore_instance(sdk, fresh):
    """What alicloud_kvstore_instance reads after `apply`, in its order; all must succeed."""
    attribute = sdk.attribute(fresh)
    assert attribute["ChargeType"] == "PostPaid", "else renewal is read too"
    assert attribute["IsSupportTDE"] is False, "else keys are read too"
    endpoints = sdk.call("DescribeDBInstanceNetInfo", instance_id=fresh)
    items = endpoints["NetInfoItems"]["InstanceNetInfo"]
    [port] = [item["Port"] for item in items if "IsSlaveProxy" not in item]
    assert int(port) == attribute["Port"]
    assert items[0]["ConnectionString"] == attribute["ConnectionDomain"]
    policy = sdk.call("DescribeBackupPolicy", instance_id=fresh)
    assert policy["PreferredBackupPeriod"].split(",") == [""]
    assert int(policy["BackupRetentionPeriod"]) == 7
    groups = sdk.call("DescribeSecurityGroupConfiguration", instance_id=fresh)
    assert groups["Items"]["EcsSecurityGroupRelation"] == []
    assert sdk.call("DescribeInstanceSSL", instance_id=fresh)["SSLEnabled"] == "Disable"
    allowed = sdk.call("DescribeSecurityIps", instance_id=fresh)["SecurityIpGroups"]
    assert allowed["SecurityIpGroup"][0]["SecurityIpList"] == "127.0.0.1"
    assert sdk.call("DescribeEngineVersion", instance_id=fresh)["IsAutoUpgradeOpen"] == "0"


def test_what_is_offered_can_be_created(sdk):
    offer = sdk.call("DescribeAvailableResource", region_id=REGION, product_type="OnECS")
    [zone] = offer["AvailableZones"]["AvailableZone"]
    [engine] = zone["SupportedEngines"]["SupportedEngine"]
    [edition] = engine["SupportedEditionTypes"]["SupportedEditionType"]
    [series] = edition["SupportedSeriesTypes"]["SupportedSeriesType"]
    for version in series["SupportedEngineVersions"]["SupportedEngineVersion"]:
        [architecture] = version["SupportedArchitectureTypes"]["SupportedArchitectureType"]
        [shards] = architecture["SupportedShardNumbers"]["SupportedShardNumber"]
        [nodes] = shards["SupportedNodeTypes"]["SupportedNodeType"]
        smallest = nodes["AvailableResources"]["AvailableResource"][0]
        with pytest.raises(ApiError) as passed:
            sdk.create(
                zone_id=zone["ZoneId"],
                engine_version=version["Version"],
                node_type=nodes["SupportedNodeType"],
                instance_class=smallest["InstanceClass"],
                dry_run=True,
            )
        assert passed.value.code == "DryRunOperation"


def test_nodes_and_overview(sdk, fresh):
    [node] = sdk.call("DescribeRoleZoneInfo", instance_id=fresh)["Node"]["NodeInfo"]
    assert (node["Role"], node["NodeType"]) == ("master", "normal")
    topology = sdk.call("DescribeLogicInstanceTopology", instance_id=fresh)
    assert [shard["NodeId"] for shard in topology["RedisShardList"]["NodeInfo"]] == [node["NodeId"]]
    assert topology["RedisProxyList"]["NodeInfo"] == []
    overview = sdk.call("DescribeInstancesOverview", region_id=REGION, instance_ids=fresh)
    [row] = overview["Instances"]
    assert (row["InstanceId"], row["InstanceStatus"]) == (fresh, "Normal")


def test_nothing_is_billed_and_nothing_to_be_permitted(sdk, fresh):
    order = sdk.call("DescribePrice", region_id=REGION, order_type="BUY")["Order"]
    assert float(order["TradeAmount"]) == 0
    renewal = sdk.call(
        "DescribeInstanceAutoRenewalAttribute", region_id=REGION, dbinstance_id=fresh
    )
    assert renewal["Items"]["Item"] == [] and renewal["TotalRecordCount"] == 0
    role = sdk.call("DescribeServiceLinkedRoleExists", region_id=REGION)
    assert role["ExistsServiceLinkedRole"] is True
    sdk.call("InitializeKvstorePermission", region_id=REGION)
