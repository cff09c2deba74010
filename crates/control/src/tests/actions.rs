//! What each action refuses and answers, over the whole table and one by one.

use crate::actions::Access;
use crate::actions::table::{ACTIONS, permission};
use crate::call::Identity;
use crate::testing::{NOW_UNIX_MS, World};
use admin::agent::NodePhase;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn who_is_not_allowed_is_refused_by_every_action_and_it_is_audited() {
    let world = World::new();
    for row in ACTIONS {
        let mut call = world.request(row.name, "InstanceId=r-x&Password=Abcdefg1");
        if row.name == "GetCallerIdentity" {
            continue;
        }
        call.principal.name = "alice".into();
        call.principal.identity = Identity::User { user_id: "0".into() };
        call.version = row.version.into();
        let answer = world.control.call(call).await;
        assert_eq!(answer.status, 403, "{}", row.name);
        assert_eq!(answer.body["Code"], "NoPermission", "{}", row.name);
        let detail = &answer.body["AccessDeniedDetail"];
        assert_eq!(detail["AuthAction"], permission(row));
        assert_eq!(detail["NoPermissionType"], "ImplicitDeny");
        let line = world.audit().pop().expect("audited");
        assert_eq!((&line["action"], &line["status"]), (&row.name.into(), &403.into()));
        assert_eq!(line["event"], "end");
    }
}

#[tokio::test]
async fn every_required_parameter_is_missed_by_name() {
    let world = World::new();
    for row in ACTIONS {
        let Some(first) = row.params.iter().find(|param| param.required) else { continue };
        let refusal = world.refusal(row.name, "").await;
        assert_eq!(refusal, format!("400 Missing{}", first.name), "{}", row.name);
    }
}

#[tokio::test]
async fn an_instance_of_nobody_or_of_another_account_is_not_found() {
    let world = World::new();
    let id = world.instance("").await;
    let rest = "&SecurityIps=::1&AccountName=default&AccountPassword=Abcdefg1\
                &AccountPrivilege=RoleReadOnly&AccountDescription=about&OldAccountPassword=x\
                &TargetIntranetBandwidth=96\
                &NewAccountPassword=y&RegionId=a1&ResourceGroupId=rg-x&TaskId=t-x&DbIndex=1\
                &MaintainStartTime=01:00Z&MaintainEndTime=02:00Z&InstanceName=other\
                &InstanceClass=redis.shard.large.ce&VpcAuthMode=Open\
                &StartTime=2026-11-22T12:50Z&EndTime=2026-11-22T12:51Z&IntervalForHistory=01m\
                &RegionId=cn-hangzhou&Retention=7&DbIndex=0&Config=%7B%22timeout%22:5%7D";
    let own = |row: &&&crate::actions::Action| {
        row.params.iter().any(|param| param.required && param.name == "InstanceId")
    };
    for row in ACTIONS.iter().filter(own) {
        let unknown = world.refusal(row.name, &format!("InstanceId=r-unknown{rest}")).await;
        let code = unknown.strip_prefix("404 ").unwrap_or(&unknown);
        let known = ["InvalidInstanceId.NotFound", "InvalidDbInstanceId.NotFound"];
        assert!(known.contains(&code), "{}: {unknown}", row.name);
        let mut call = world.request(row.name, &format!("InstanceId={id}{rest}"));
        call.principal.account_id = "9999999999999999".into();
        let answer = world.control.call(call).await;
        assert_eq!(answer.body["Code"], code, "{}", row.name);
    }
    let mut call = world.request("DescribeInstances", "RegionId=cn-hangzhou");
    call.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(call).await.body["TotalCount"], 0);
}

#[tokio::test]
async fn changes_are_refused_outside_normal() {
    let world = World::new();
    world.agent.come_up_as(NodePhase::Starting);
    let create = "RegionId=cn-hangzhou&InstanceClass=redis.shard.micro.ce";
    let made = world.ok("CreateInstance", create).await;
    let id = made["InstanceId"].as_str().expect("an id");
    let rest = "&SecurityIps=::1&AccountName=default&AccountPassword=Abcdefg1\
                &AccountPrivilege=RoleReadOnly&AccountDescription=about&OldAccountPassword=x\
                &TargetIntranetBandwidth=96\
                &NewAccountPassword=y&RegionId=a1&ResourceGroupId=rg-x&TaskId=t-x&DbIndex=1\
                &MaintainStartTime=01:00Z&MaintainEndTime=02:00Z&InstanceName=other\
                &InstanceClass=redis.shard.large.ce&VpcAuthMode=Open&Retention=7&DbIndex=0\
                &Config=%7B%22timeout%22:5%7D";
    let changes = |row: &&&crate::actions::Action| {
        let of_one = row.params.iter().any(|param| param.required && param.name == "InstanceId");
        row.access == Access::Write && of_one
    };
    for row in ACTIONS.iter().filter(changes) {
        let refusal = world.refusal(row.name, &format!("InstanceId={id}{rest}")).await;
        assert_eq!(refusal, "403 IncorrectDBInstanceState", "{}", row.name);
    }
    world.agent.come_up_as(NodePhase::Failed { reason: "scripted".into() });
    world.agent.show(|node| node.phase = NodePhase::Failed { reason: "scripted".into() });
    world.until(id, "Error").await;
    world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
    world.until(id, "gone").await;
}

#[tokio::test]
async fn create_instance_refusals() {
    let world = World::new();
    let class = "InstanceClass=redis.shard.micro.ce";
    let rows = [
        ("RegionId=cn-hangzhou", "400 MissingParameter"),
        ("RegionId=CN+X&Capacity=1024", "400 InvalidRegion.Format"),
        ("RegionId=a1&Capacity=1000", "404 InvalidCapacity.NotFound"),
        ("RegionId=a1&Capacity=x", "400 InvalidCapacity.Malformed"),
        (
            "RegionId=a1&Capacity=1024&InstanceClass=redis.shard.mid.2.ce",
            "400 InstanceClass.NotMatch",
        ),
        ("RegionId=a1&InstanceClass=huge", "400 InvalidInstanceClass.NotFound"),
        ("RegionId=a1&CLASS&EngineVersion=4.0", "400 InvalidEngineVersion.Malformed"),
        ("RegionId=a1&CLASS&InstanceName=1x", "400 InvalidInstanceName.Malformed"),
        ("RegionId=a1&CLASS&Password=short", "400 InvalidPassword.Malformed"),
        ("RegionId=a1&CLASS&Port=80", "400 InvalidPort.Malformed"),
        ("RegionId=a1&CLASS&Token=a+b", "400 InvalidToken.Malformed"),
        ("RegionId=a1&CLASS&ZoneId=A", "400 ZoneIdNotFound"),
        ("RegionId=a1&CLASS&ShardCount=2", "403 InstanceType.NotSupport"),
        ("RegionId=a1&CLASS&InstanceType=Memcache", "403 InstanceType.NotSupport"),
        ("RegionId=a1&CLASS&SrcDBInstanceId=r-x", "403 InstanceType.NotSupport"),
        ("RegionId=a1&CLASS&Tag.1.Key=a&Tag.2.Key=a", "400 Duplicate.TagKey"),
        ("RegionId=a1&CLASS&DryRun=True", "400 DryRunOperation"),
    ];
    for (params, expected) in rows {
        let params = params.replace("CLASS", class);
        assert_eq!(world.refusal("CreateInstance", &params).await, expected, "{params}");
    }
    let listed = world.ok("DescribeInstances", "RegionId=a1").await;
    assert_eq!(listed["TotalCount"], 0, "nothing was made");
    assert_eq!(listed["Instances"]["KVStoreInstance"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn client_token_makes_one_instance() {
    let world = World::new();
    let create = |more: &str| {
        format!("RegionId=a1&InstanceClass=redis.shard.micro.ce&Token=t-1&Password=Abcdefg1{more}")
    };
    let first = world.ok("CreateInstance", &create("")).await;
    let id = first["InstanceId"].as_str().expect("an id");
    let again = world.ok("CreateInstance", &create("&OwnerAccount=ignored")).await;
    assert_eq!(again["InstanceId"], id);
    for other in [
        "&InstanceName=other\
                &InstanceClass=redis.shard.large.ce&VpcAuthMode=Open&Config=%7B%22timeout%22:5%7D",
        "&Tag.1.Key=a",
        "&DryRun=true",
    ] {
        let refusal = world.refusal("CreateInstance", &create(other)).await;
        assert_eq!(refusal, "400 IdempotentParameterMismatch", "{other}");
    }
    world.until(id, "Normal").await;
    world.ok("DeleteInstance", &format!("InstanceId={id}")).await;
    world.until(id, "gone").await;
    let after = world.ok("CreateInstance", &create("")).await;
    assert_ne!(after["InstanceId"], id, "the token went with the instance");
}

#[tokio::test]
async fn the_same_request_at_once_makes_one_instance() {
    let world = World::new();
    let create = "RegionId=a1&InstanceClass=redis.shard.micro.ce&Token=t-1";
    let calls = (0..8).map(|_| {
        let (control, call) = (world.control.clone(), world.request("CreateInstance", create));
        tokio::spawn(async move { control.call(call).await })
    });
    let mut ids = std::collections::BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.expect("no panic");
        match answer.status {
            200 => drop(ids.insert(answer.body["InstanceId"].to_string())),
            503 => {}
            other => panic!("{other} {}", answer.body),
        }
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(world.ok("DescribeInstances", "RegionId=a1").await["TotalCount"], 1);
}

#[tokio::test]
async fn ports_are_the_wanted_one_or_the_next_and_kept() {
    let world = World::new();
    for expected in [6379, 6380, 6381] {
        let id = world.instance("").await;
        let seen = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
        assert_eq!(seen["Instances"]["DBInstanceAttribute"][0]["Port"], expected);
    }
    let made = "RegionId=a1&InstanceClass=redis.shard.micro.ce&Port=65535";
    assert_eq!(world.ok("CreateInstance", made).await["Port"], 65535);
    assert_eq!(world.ok("CreateInstance", made).await["Port"], 1024);
}

#[tokio::test]
async fn listing_filters_and_pages() {
    let world = World::new();
    for (name, tag) in [("alpha", "x"), ("beta", "x"), ("gamma", "y")] {
        world.now_unix_ms.fetch_add(1000, Ordering::Relaxed);
        world.instance(&format!("InstanceName={name}&Tag.1.Key=k&Tag.1.Value={tag}")).await;
    }
    let names = async |params: &str| {
        let listed = world.ok("DescribeInstances", &format!("RegionId=a1&{params}")).await;
        let items = listed["Instances"]["KVStoreInstance"].as_array().expect("a list").clone();
        let name = |item: &Value| item["InstanceName"].as_str().expect("text").to_owned();
        let names = items.iter().map(name).collect::<Vec<_>>().join(" ");
        format!("{} of {}: {names}", items.len(), listed["TotalCount"])
    };
    assert_eq!(names("").await, "3 of 3: gamma beta alpha");
    assert_eq!(names("SearchKey=beta").await, "1 of 1: beta");
    assert_eq!(names("Tag.1.Key=k&Tag.1.Value=x").await, "2 of 2: beta alpha");
    assert_eq!(names("PageSize=2&PageNumber=2").await, "1 of 3: alpha");
    assert_eq!(names("InstanceStatus=Creating").await, "0 of 0: ");
    assert_eq!(names("InstanceIds=r-unknown").await, "0 of 0: ");
    let size = world.refusal("DescribeInstances", "RegionId=a1&PageSize=51").await;
    assert_eq!(size, "400 InvalidPageSize.Malformed");
}

/// Fields whose JSON type is not text, by documented name.
#[tokio::test]
async fn attribute_has_every_documented_field_with_its_type() {
    const INTEGERS: &str = "Capacity Port Bandwidth ShardCount ReplicaCount SlaveReplicaCount \
        ReadOnlyCount SlaveReadOnlyCount QPS Connections";
    const BOOLEANS: &str =
        "IsRds InstanceReleaseProtection IsOrderCompleted IsSupportTDE AutoSecondaryZone";
    const TEXTS: &str = "VpcId PrivateIp CreateTime ConnectionDomain ChargeType StorageType \
        VpcAuthMode ArchitectureType AvailabilityValue NetworkType SecondaryZoneId PackageType \
        EngineVersion Config VpcCloudInstanceId InstanceName SecurityIPList GlobalInstanceId \
        AuditLogRetention ZoneType MaintainStartTime MaintainEndTime InstanceClass \
        RealInstanceClass InstanceId InstanceType HasRenewChangeOrder ReplicationMode RegionId \
        EndTime VSwitchId ReplicaId NodeType BackupLogStartTime ResourceGroupId ZoneId \
        InstanceStatus Engine Storage CloudType ComputingType";
    let world = World::new();
    let id = world.instance("EngineVersion=7.0").await;
    let seen = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
    let item = seen["Instances"]["DBInstanceAttribute"][0].as_object().expect("an item");
    let (integers, booleans) = (INTEGERS.split(' '), BOOLEANS.split(' '));
    integers.for_each(|name| assert!(item[name].is_u64(), "{name}"));
    booleans.for_each(|name| assert!(item[name].is_boolean(), "{name}"));
    TEXTS.split(' ').for_each(|name| assert!(item[name].is_string(), "{name}"));
    assert!(item["Tags"]["Tag"].is_array());
    let documented = [INTEGERS, BOOLEANS, TEXTS].map(|names| names.split(' ').count());
    assert_eq!(item.len(), documented.iter().sum::<usize>() + 1, "nothing else");
    assert_eq!(item["CreateTime"], "2026-11-22T12:51:19Z");
    assert_eq!((&item["RegionId"], &item["EngineVersion"]), (&"cn-hangzhou".into(), &"7.0".into()));
    let config: Value = serde_json::from_str(item["Config"].as_str().expect("text"))
        .expect("Config is JSON in a text");
    assert_eq!(config["maxmemory-policy"], "volatile-lru");
}

#[tokio::test]
async fn allowlist_faults_have_their_codes() {
    let world = World::new();
    let id = world.instance("").await;
    let rows = [
        ("SecurityIps=10.0.0.1,10.0.0.1", "409 SecurityIPList.Duplicate"),
        ("SecurityIps=10.0.0.9&ModifyMode=Delete", "404 InvalidSecurityIPList.NotFound"),
        ("SecurityIps=nonsense", "400 InvalidSecurityIPList.Format"),
        ("SecurityIps=::1&SecurityIpGroupName=Bad", "400 InvalidGroupName.Format"),
        ("SecurityIps=::1&ModifyMode=Swap", "400 InvalidModifyMode.Malformed"),
        ("SecurityIps=::1&SecurityIpGroupName=ali_dms_group", "400 InvalidGroupName.Format"),
        ("SecurityIps=127.0.0.1&ModifyMode=Delete", "404 InvalidSecurityIPList.NotFound"),
        (
            "SecurityIps=::1&SecurityIpGroupName=office&SecurityIpGroupAttribute=a%0Ab",
            "400 InvalidSecurityIpGroupAttribute.Malformed",
        ),
        ("SecurityIps=", "400 MissingSecurityIps"),
    ];
    for (params, expected) in rows {
        let params = format!("InstanceId={id}&{params}");
        assert_eq!(world.refusal("ModifySecurityIps", &params).await, expected, "{params}");
    }
    let office =
        "SecurityIps=10.0.0.0/8&SecurityIpGroupName=office&SecurityIpGroupAttribute=hidden";
    world.ok("ModifySecurityIps", &format!("InstanceId={id}&{office}")).await;
    let seen = world.ok("DescribeSecurityIps", &format!("InstanceId={id}")).await;
    let group = &seen["SecurityIpGroups"]["SecurityIpGroup"][1];
    assert_eq!(group["SecurityIpGroupName"], "office");
    assert_eq!(group["SecurityIpGroupAttribute"], "hidden");
    assert_eq!(group["SecurityIpList"], "10.0.0.0/8");
}

#[tokio::test]
async fn password_faults_have_their_codes() {
    let world = World::new();
    let id = world.instance("").await;
    let reset = async |account: &str, password: &str| {
        let params = format!("InstanceId={id}&AccountName={account}&AccountPassword={password}");
        world.refusal("ResetAccountPassword", &params).await
    };
    assert_eq!(reset("default", "short").await, "400 InvalidAccountPassword.Format");
    assert_eq!(reset("other", "Abcdefg1").await, "404 InvalidAccountName.NotFound");
    assert_eq!(reset(&id, "Abcdefg1").await, "200 no error");
}

#[tokio::test]
async fn regions_and_zones() {
    let world = World::new();
    let regions = world.ok("DescribeRegions", "").await;
    let region = &regions["RegionIds"]["KVStoreRegion"][0];
    assert_eq!(region["RegionId"], "larder-local-1");
    assert_eq!(region["ZoneIdList"]["ZoneId"][0], region["ZoneIds"]);
    let zones = world.ok("DescribeZones", "RegionId=cn-hangzhou").await;
    let zone = &zones["Zones"]["KVStoreZone"][0];
    assert_eq!((&zone["ZoneId"], &zone["Disabled"]), (&"cn-hangzhou-a".into(), &false.into()));
}

#[tokio::test]
async fn live_is_null_where_the_node_cannot_be_asked() {
    let world = World::new();
    let id = world.instance("").await;
    let live = world.ok("LarderDescribeInstanceLive", &format!("InstanceId={id}")).await;
    assert_eq!((&live["InstanceId"], &live["Status"]), (&id.as_str().into(), &Value::Null));
    assert_eq!(live["Clients"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn live_is_the_nodes_own_account_in_the_spelling_of_the_api() {
    let world = World::new();
    let id = world.instance("").await;
    let status = json!({
        "version": "0.1.0", "role": "Primary", "epoch": 1, "generation": 1, "loading": false,
        "uptime_ms": 5, "loops": 1, "used_memory_bytes": 7, "maxmemory_bytes": 8,
        "connections": 1, "connections_received": 1, "connections_refused": 0, "commands": 2,
        "commands_per_second": 3, "net_input_bytes": 4, "net_output_bytes": 5,
        "keyspace_hits": 0, "keyspace_misses": 0, "keys": 9, "keys_with_ttl": 0,
        "expired_keys": 0, "cpu_us": 6, "changes_since_save": 0, "last_save_unix_s": 0,
    });
    let client = json!({
        "id": 1, "address": "10.0.0.1:5", "name": "", "user": "default", "db": 0, "age_s": 1,
        "idle_s": 0, "command": "get", "library": "",
    });
    let status = serde_json::from_value(status).expect("a whole status");
    world.agent.tell(status, vec![serde_json::from_value(client).expect("a whole row")]);
    let live = world.ok("LarderDescribeInstanceLive", &format!("InstanceId={id}")).await;
    assert_eq!(live["Status"]["UsedMemoryBytes"], 7);
    assert_eq!(live["Status"]["Role"], "Primary");
    assert_eq!(live["Clients"][0]["Address"], "10.0.0.1:5");
    assert_eq!(live["Clients"][0]["IdleS"], 0);
}

#[tokio::test]
async fn audit_tells_who_did_what_without_secrets() {
    let world = World::new();
    let id = world.instance("Password=Abcdefg1&Unknown=Abcdefg1").await;
    let reset = format!("InstanceId={id}&AccountName=default&AccountPassword=Bcdefgh2");
    world.ok("ResetAccountPassword", &reset).await;
    world.call("CreateAccount", "InstanceId=r-x&AccountPassword=Abcdefg1").await;
    let lines = world.audit();
    let text = format!("{lines:?}");
    assert!(!text.contains("Abcdefg1") && !text.contains("Bcdefgh2"), "{text}");
    let of_reset: Vec<_> =
        lines.iter().filter(|line| line["action"] == "ResetAccountPassword").collect();
    assert_eq!(of_reset.len(), 2);
    assert_eq!((&of_reset[0]["event"], &of_reset[1]["event"]), (&"begin".into(), &"end".into()));
    assert_eq!(of_reset[1]["params"]["AccountName"], "default");
    assert_eq!(of_reset[0]["request_id"], of_reset[1]["request_id"]);
}

#[tokio::test]
async fn too_many_calls_are_told_when_to_come_back() {
    let world = World::new();
    let mut reply = None;
    for _ in 0..=1000 {
        reply = Some(world.control.reply(world.request("DescribeRegions", ""), None).await);
    }
    let reply = reply.expect("called");
    assert_eq!(reply.answer.body["Code"], "Throttling.User");
    assert_eq!(reply.retry_after_s, Some(1));
    world.now_unix_ms.store(NOW_UNIX_MS + 1000, Ordering::Relaxed);
    world.ok("DescribeRegions", "").await;
}

#[tokio::test]
async fn access_without_password_is_switched() {
    let world = World::new();
    let id = world.instance("").await;
    for (mode, shown, free) in [("Close", "Close", true), ("open", "Open", false)] {
        let params = format!("InstanceId={id}&VpcAuthMode={mode}");
        world.ok("ModifyInstanceVpcAuthMode", &params).await;
        let spec = world.agent.specs().pop().expect("applied");
        assert_eq!(spec.settings.password_free, free, "in force when the call returns");
        let seen = world.ok("DescribeInstanceAttribute", &format!("InstanceId={id}")).await;
        assert_eq!(seen["Instances"]["DBInstanceAttribute"][0]["VpcAuthMode"], shown);
    }
    let params = format!("InstanceId={id}&VpcAuthMode=Ajar");
    let refusal = world.refusal("ModifyInstanceVpcAuthMode", &params).await;
    assert_eq!(refusal, "400 InvalidVpcAuthMode.Malformed");
}
