//! The reads that clients and Terraform's provider need: each answer's fields and their types
//! against the documented ones, and what the filters leave.

use crate::testing::World;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every leaf as `Path[].Name:type`: string, integer, boolean, or an empty list.
fn leaves(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let kind = match value {
        Value::String(_) => "s",
        Value::Number(number) if number.is_i64() => "i",
        Value::Bool(_) => "b",
        Value::Array(items) if items.is_empty() => "[]",
        Value::Array(items) => {
            return items.iter().for_each(|item| leaves(&format!("{path}[]"), item, found));
        }
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            let each = |(name, value)| leaves(&format!("{path}{dot}{name}"), value, found);
            return fields.iter().for_each(each);
        }
        other => panic!("{path} is {other}"),
    };
    found.insert(format!("{path}:{kind}"));
}

/// The answer has exactly these leaves below `prefix`, and `RequestId`.
async fn check(world: &World, action: &str, params: &str, prefix: &str, fields: &str) {
    let mut found = BTreeSet::new();
    leaves("", &world.ok(action, params).await, &mut found);
    let mut expected = BTreeSet::from(["RequestId:s".to_owned()]);
    for field in fields.split_whitespace() {
        // A leading dot stands for the prefix.
        let field = if field.starts_with('.') { format!("{prefix}{field}") } else { field.into() };
        expected.insert(if field.contains(':') { field } else { format!("{field}:s") });
    }
    assert_eq!(found, expected, "{action} {params}");
}

#[tokio::test]
async fn fields_of_one_instance() {
    let world = World::new();
    let id = world.instance("").await;
    let own = format!("InstanceId={id}");
    let rows = [
        ("DescribeSecurityGroupConfiguration", "", "Items.EcsSecurityGroupRelation:[]"),
        (
            "DescribeInstanceSSL",
            "",
            "InstanceId SSLEnabled SSLExpiredTime CertCommonName CertDownloadURL",
        ),
        (
            "DescribeBackupPolicy",
            "",
            "BackupRetentionPeriod PreferredBackupPeriod PreferredBackupTime EnableBackupLog:i \
             PreferredNextBackupTime BackupLogStartTime DbsInstance",
        ),
        (
            "DescribeDBInstanceNetInfo",
            "NetInfoItems.InstanceNetInfo[]",
            "InstanceNetworkType .DirectConnection:i .VSwitchId .DBInstanceNetType .Upgradeable \
             .ExpiredTime .ConnectionString .IPType .VPCInstanceId .Port .VPCId .IPAddress",
        ),
        (
            "DescribeEngineVersion",
            "",
            "Engine MajorVersion MinorVersion ProxyMinorVersion IsLatestVersion:b \
             EnableUpgradeMajorVersion:b EnableUpgradeMinorVersion:b IsAutoUpgradeOpen \
             IsSSLEnable IsNewSSLMode IsRedisCompatibleVersion IsOpenNGLB DBVersionRelease \
             ProxyVersionRelease \
             DBLatestMinorVersion.MinorVersion DBLatestMinorVersion.Level \
             DBLatestMinorVersion.VersionRelease.VersionChangesLevel \
             DBLatestMinorVersion.VersionRelease.ReleaseInfo.ReleaseInfoList:[] \
             ProxyLatestMinorVersion.MinorVersion ProxyLatestMinorVersion.Level \
             ProxyLatestMinorVersion.VersionRelease.VersionChangesLevel \
             ProxyLatestMinorVersion.VersionRelease.ReleaseInfo.ReleaseInfoList:[]",
        ),
        (
            "DescribeRoleZoneInfo",
            "Node.NodeInfo[]",
            "PageNumber:i PageSize:i TotalCount:i .DefaultBandWidth:i .CurrentMinorVersion \
             .CurrentBandWidth:i .InsType:i .IsLatestVersion:i .InsName .NodeType .ZoneId \
             .IsOpenBandWidthService:b .CustinsId .Role .NodeId",
        ),
        (
            "DescribeLogicInstanceTopology",
            "RedisShardList.NodeInfo[]",
            "InstanceId RedisProxyList.NodeInfo:[] .Capacity .Connection .NodeType .Bandwidth \
             .NodeId .SubInstanceType",
        ),
    ];
    for (action, prefix, fields) in rows {
        check(&world, action, &own, prefix, fields).await;
    }
}

#[tokio::test]
async fn fields_of_the_region() {
    let world = World::new();
    let region = "RegionId=cn-hangzhou";
    let price = "Order.TradeAmount Order.OriginalAmount Order.DiscountAmount \
                 Order.HandlingFeeAmount Order.StandPrice:i Order.StandDiscountPrice:i \
                 Order.Currency Order.Code Order.Message Order.IsContractActivity:b \
                 Order.ShowDiscountInfo:b Order.Coupons.Coupon:[] Order.RuleIds.RuleId:[] \
                 SubOrders.SubOrder:[] Rules.Rule:[] OrderParams";
    let engine = "AvailableZones.AvailableZone[].SupportedEngines.SupportedEngine[]";
    let series = ".SupportedEditionTypes.SupportedEditionType[]\
                  .SupportedSeriesTypes.SupportedSeriesType[]";
    let version = format!("{series}.SupportedEngineVersions.SupportedEngineVersion[]");
    let shards = format!(
        "{version}.SupportedArchitectureTypes.SupportedArchitectureType[]\
         .SupportedShardNumbers.SupportedShardNumber[]"
    );
    let node = format!("{shards}.SupportedNodeTypes.SupportedNodeType[]");
    let class = format!("{node}.AvailableResources.AvailableResource[]");
    let architecture = shards.strip_suffix(".SupportedShardNumbers.SupportedShardNumber[]");
    let zone = "AvailableZones.AvailableZone[]";
    let resources = format!(
        "{zone}.ZoneId {zone}.ZoneName {zone}.RegionId {zone}.IsMainSale:b .Engine \
         .SupportedEditionTypes.SupportedEditionType[].EditionType {series}.SeriesType \
         {version}.Version {}.Architecture {shards}.ShardNumber {node}.SupportedNodeType \
         {class}.InstanceClass {class}.InstanceClassRemark {class}.Capacity:i",
        architecture.expect("a suffix of it"),
    );
    let overview = "TotalCount:i Instances:[]";
    let renewal = "PageNumber:i PageRecordCount:i TotalRecordCount:i Items.Item:[]";
    let rows = [
        ("DescribePrice", "", price),
        ("DescribeAvailableResource", engine, &resources),
        ("DescribeInstancesOverview", "", overview),
        ("DescribeInstanceAutoRenewalAttribute", "", renewal),
        ("DescribeServiceLinkedRoleExists", "", "ExistsServiceLinkedRole:b"),
        ("InitializeKvstorePermission", "", ""),
    ];
    for (action, prefix, fields) in rows {
        check(&world, action, region, prefix, fields).await;
    }
    world.instance("").await;
    let one = "TotalCount:i .ArchitectureType .Capacity:i .ChargeType .ConnectionDomain \
               .CreateTime .EndTime .EngineVersion .GlobalInstanceId .InstanceClass .InstanceId \
               .InstanceName .InstanceStatus .InstanceType .NetworkType .NodeType .PrivateIp \
               .RegionId .ResourceGroupId .SecondaryZoneId .VSwitchId .VpcId .ZoneId";
    check(&world, "DescribeInstancesOverview", region, "Instances[]", one).await;
}

/// Zone and classes offered for the first engine version; nothing for no zone.
async fn offered(world: &World, params: &str) -> (String, Vec<String>) {
    let answer = world.ok("DescribeAvailableResource", params).await;
    let zone = &answer["AvailableZones"]["AvailableZone"][0];
    let levels = "/SupportedEngines/SupportedEngine/0/SupportedEditionTypes/SupportedEditionType/0\
                  /SupportedSeriesTypes/SupportedSeriesType/0/SupportedEngineVersions\
                  /SupportedEngineVersion/0/SupportedArchitectureTypes/SupportedArchitectureType/0\
                  /SupportedShardNumbers/SupportedShardNumber/0/SupportedNodeTypes\
                  /SupportedNodeType/0/AvailableResources/AvailableResource";
    let classes = zone.pointer(levels).and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |class: &Value| class["InstanceClass"].as_str().expect("a name").to_owned();
    (zone["ZoneId"].as_str().unwrap_or_default().into(), classes.iter().map(name).collect())
}

#[tokio::test]
async fn available_resources_follow_the_filters() {
    let world = World::new();
    let id = world.instance("InstanceClass=redis.shard.small.2.ce").await;
    let change = format!("&ProductType=OnECS&InstanceId={id}&OrderType=");
    // What is asked beyond the region · zone · number of classes · first class.
    let rows = [
        ("".into(), "a1-a", 8, "redis.master.micro.default"),
        ("&Engine=REDIS&OrderType=BUY".into(), "a1-a", 8, "redis.master.micro.default"),
        ("&Engine=Memcache".into(), "", 0, ""),
        ("&ProductType=Tair_rdb".into(), "a1-a", 8, "tair.rdb.1g"),
        ("&ProductType=Tair_scm".into(), "", 0, ""),
        ("&ProductType=OnECS&ZoneId=cn-h".into(), "cn-h", 9, "redis.shard.micro.ce"),
        (format!("{change}UPGRADE"), "a1-a", 7, "redis.shard.mid.2.ce"),
        (format!("{change}DOWNGRADE"), "a1-a", 1, "redis.shard.micro.ce"),
    ];
    for (params, zone, count, first) in rows {
        let (found, classes) = offered(&world, &format!("RegionId=a1{params}")).await;
        let shown = classes.first().map_or("", String::as_str);
        assert_eq!((&*found, classes.len(), shown), (zone, count, first), "{params}");
    }
}

#[tokio::test]
async fn refusals() {
    let world = World::new();
    let id = world.instance("").await;
    let rows = [
        ("DescribeAvailableResource", "RegionId=CN+X", "400 InvalidRegion.Format"),
        ("DescribeAvailableResource", "RegionId=a1&ZoneId=A", "400 ZoneIdNotFound"),
        ("DescribeAvailableResource", "RegionId=a1&OrderType=X", "400 InvalidOrderType.Malformed"),
        ("DescribeAvailableResource", "RegionId=a1&OrderType=UPGRADE", "400 MissingInstanceId"),
        (
            "DescribeAvailableResource",
            "RegionId=a1&OrderType=UPGRADE&InstanceId=r-x",
            "404 InvalidInstanceId.NotFound",
        ),
        ("DescribePrice", "RegionId=a1&InstanceClass=huge", "400 InvalidInstanceClass.NotFound"),
        ("DescribeDBInstanceNetInfo", "OWN&NetType=x", "400 InvalidNetType.Malformed"),
        ("DescribeRoleZoneInfo", "OWN&QueryType=2", "400 InvalidQueryType.Malformed"),
    ];
    for (action, params, expected) in rows {
        let params = params.replace("OWN", &format!("InstanceId={id}"));
        assert_eq!(world.refusal(action, &params).await, expected, "{action} {params}");
    }
    let refused = world.call("ModifyBackupPolicy", &format!("InstanceId={id}")).await;
    let text = refused.body["Message"].as_str().expect("a text");
    assert!(text.contains("No backups are taken automatically"), "{text}");
}

#[tokio::test]
async fn what_is_answered_is_what_is_there() {
    let world = World::new();
    let id = world.instance("Port=7001&NetworkType=CLASSIC").await;
    let own = format!("InstanceId={id}");
    let net = world.ok("DescribeDBInstanceNetInfo", &own).await;
    let item = &net["NetInfoItems"]["InstanceNetInfo"][0];
    assert_eq!((&item["Port"], &item["DBInstanceNetType"]), (&"7001".into(), &"1".into()));
    assert!(item.get("IsSlaveProxy").is_none(), "Terraform looks for its absence");
    let public = world.ok("DescribeDBInstanceNetInfo", &format!("{own}&NetType=Public")).await;
    assert_eq!(public["NetInfoItems"]["InstanceNetInfo"], Value::Array(Vec::new()));

    assert_eq!(world.ok("DescribeInstanceSSL", &own).await["SSLEnabled"], "Disable");
    let policy = world.ok("DescribeBackupPolicy", &own).await;
    assert_eq!(policy["PreferredBackupPeriod"], "", "no backup is promised");

    let nodes = world.ok("DescribeRoleZoneInfo", &own).await;
    let node_id = world.agent.specs()[0].node_id.clone();
    assert_eq!(nodes["Node"]["NodeInfo"][0]["NodeId"], node_id);
    for none in ["QueryType=0", "PageNumber=2"] {
        let nodes = world.ok("DescribeRoleZoneInfo", &format!("{own}&{none}")).await;
        assert_eq!(nodes["Node"]["NodeInfo"], Value::Array(Vec::new()), "{none}");
    }
    let topology = world.ok("DescribeLogicInstanceTopology", &own).await;
    assert_eq!(topology["RedisShardList"]["NodeInfo"][0]["NodeId"], node_id);

    let overview = async |filter: &str| {
        let params = format!("RegionId=a1&{filter}");
        world.ok("DescribeInstancesOverview", &params).await["TotalCount"].clone()
    };
    assert_eq!(overview("InstanceStatus=Normal").await, 1);
    assert_eq!(overview("NetworkType=VPC").await, 0);
    assert_eq!(overview(&format!("InstanceIds={id}")).await, 1);
    let mut call = world.request("DescribeInstancesOverview", "RegionId=a1");
    call.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(call).await.body["TotalCount"], 0, "another account's");
}

#[tokio::test]
async fn quotas_count_what_the_account_has() {
    let world = World::new();
    let used = async |name: &str| {
        let answer = world.ok("ListQuotas", "").await;
        let rows = answer["Quotas"].as_array().expect("a list").clone();
        assert_eq!(answer["TotalCount"], rows.len());
        assert!(rows.iter().all(|row| row["Limit"].is_u64() && row["Scope"].is_string()));
        let found = rows.iter().find(|row| row["QuotaName"] == name).expect("the quota");
        found["Used"].as_u64()
    };
    assert_eq!((used("Instances").await, used("Tags").await), (Some(0), None));
    world.instance("").await;
    world
        .ok(
            "CreateGlobalSecurityIPGroup",
            "RegionId=cn-hangzhou&GlobalIgName=office&GIpList=10.0.0.1",
        )
        .await;
    assert_eq!(used("Instances").await, Some(1));
    assert_eq!(used("Global allowlist groups").await, Some(1));
    assert_eq!(used("Users").await, Some(0));
}
