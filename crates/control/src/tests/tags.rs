//! Tags: put on, listed page by page, taken off; all of the named instances or none.

use crate::testing::World;
use serde_json::{Value, json};

const WHERE: &str = "RegionId=cn-hangzhou&ResourceType=INSTANCE";

/// `id key=value` of ListTagResources.
async fn listed(world: &World, params: &str) -> Vec<String> {
    let answer = world.ok("ListTagResources", &format!("{WHERE}&{params}")).await;
    let entries = answer["TagResources"]["TagResource"].as_array().expect("a list").clone();
    let text = |entry: &Value| {
        let field = |name: &str| entry[name].as_str().expect("a text").to_owned();
        format!("{} {}={}", field("ResourceId"), field("TagKey"), field("TagValue"))
    };
    entries.iter().map(text).collect()
}

#[tokio::test]
async fn put_on_listed_and_taken_off() {
    let world = World::new();
    let (a, b) = (world.instance("Tag.1.Key=team&Tag.1.Value=x").await, world.instance("").await);
    let both = format!("{WHERE}&ResourceId.1={a}&ResourceId.2={b}");
    let tags = "Tag.1.Key=team&Tag.1.Value=y&Tag.2.Key=cost&Tag.2.Value=";
    assert_eq!(
        world.ok("TagResources", &format!("{both}&{tags}")).await.as_object().map(|o| o.len()),
        Some(1)
    );
    let of_a = vec![format!("{a} cost="), format!("{a} team=y")];
    assert_eq!(listed(&world, &format!("ResourceId.1={a}")).await, of_a);
    assert_eq!(listed(&world, "Tag.1.Key=team&Tag.1.Value=y").await.len(), 4);
    assert_eq!(listed(&world, "Tag.1.Key=team&Tag.1.Value=x").await, [""; 0]);
    let used = world.ok("DescribeTags", "RegionId=cn-hangzhou").await;
    let expected = json!([
        {"TagKey": "cost", "TagValues": [""]},
        {"TagKey": "team", "TagValues": ["y"]},
    ]);
    assert_eq!((&used["Tags"], &used["NextToken"]), (&expected, &"".into()));
    let shown = world.ok("DescribeInstanceAttribute", &format!("InstanceId={a}")).await;
    let first = &shown["Instances"]["DBInstanceAttribute"][0]["Tags"]["Tag"][0];
    assert_eq!(first, &json!({"Key": "team", "Value": "y"}));
    world.ok("UntagResources", &format!("{both}&TagKey.1=cost")).await;
    assert_eq!(listed(&world, &format!("ResourceId.1={a}")).await, [format!("{a} team=y")]);
    world.ok("UntagResources", &format!("{WHERE}&ResourceId.1={a}&All=true")).await;
    assert_eq!(listed(&world, &format!("ResourceId.1={a}")).await, [""; 0]);
    assert_eq!(listed(&world, "Tag.1.Key=team").await, [format!("{b} team=y")]);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(world.instance("").await);
    }
    for id in &ids {
        let tags = (1..=20).map(|n| format!("&Tag.{n}.Key={id}k{n}&Tag.{n}.Value=v"));
        let tags = tags.collect::<String>();
        world.ok("TagResources", &format!("{WHERE}&ResourceId.1={id}{tags}")).await;
    }
    let all: String = (1..).zip(&ids).map(|(n, id)| format!("&ResourceId.{n}={id}")).collect();
    for (action, count) in [("ListTagResources", 120), ("DescribeTags", 120)] {
        let mut seen = std::collections::BTreeSet::new();
        let mut token = String::new();
        let mut pages = 0;
        loop {
            let params = format!("{WHERE}{all}&NextToken={token}");
            let answer = world.ok(action, &params).await;
            let of_list = answer["TagResources"]["TagResource"].as_array();
            let entries = of_list.or(answer["Tags"].as_array()).expect("entries");
            assert!(entries.iter().all(|entry| seen.insert(entry.to_string())), "{action}");
            pages += 1;
            token = answer["NextToken"].as_str().expect("a token").to_owned();
            if token.is_empty() {
                break;
            }
        }
        assert_eq!((seen.len(), pages), (count, 2), "{action}");
    }
}

#[tokio::test]
async fn refused_and_nothing_changed() {
    let world = World::new();
    let id = world.instance("Tag.1.Key=a&Tag.1.Value=1").await;
    let on = format!("{WHERE}&ResourceId.1={id}");
    let tag = "Tag.1.Key=b&Tag.1.Value=2";
    let many_ids: String = (1..=51).map(|n| format!("&ResourceId.{n}=r-{n}")).collect();
    let many_tags: String = (1..=20).map(|n| format!("&Tag.{n}.Key=k{n}")).collect();
    let many_keys: String = (1..=21).map(|n| format!("&TagKey.{n}=k{n}")).collect();
    let rows = [
        ("TagResources", format!("{WHERE}&{tag}"), "400 MissParameter.TagOrResourceId"),
        ("TagResources", on.clone(), "400 MissParameter.TagOrResourceId"),
        (
            "TagResources",
            format!("{on}&ResourceId.2=r-x&{tag}"),
            "404 InvalidDbInstanceId.NotFound",
        ),
        ("TagResources", format!("{on}&Tag.1.Key=acs:b"), "400 InvalidTagKey.Malformed"),
        ("TagResources", format!("{on}&Tag.1.Value=b"), "400 InvalidTagKey.Malformed"),
        ("TagResources", format!("{on}{many_tags}"), "400 NumberExceed.Tags"),
        ("TagResources", format!("{WHERE}{many_ids}&{tag}"), "400 NumberExceed.ResourceIds"),
        (
            "TagResources",
            format!("{on}&{tag}&ResourceType=DISK"),
            "400 InvalidParameter.ResourceType",
        ),
        ("UntagResources", on.clone(), "400 MissParameter.TagOrResourceId"),
        ("UntagResources", format!("{WHERE}&All=true"), "400 MissParameter.TagOrResourceId"),
        ("UntagResources", format!("{on}{many_keys}"), "400 NumberExceed.Tags"),
        ("ListTagResources", WHERE.to_owned(), "400 MissParameter.TagOrResourceId"),
        (
            "DescribeTags",
            "RegionId=a1&ResourceType=DISK".into(),
            "400 InvalidParameter.ResourceType",
        ),
    ];
    for (action, params, expected) in rows {
        assert_eq!(world.refusal(action, &params).await, expected, "{action} {params}");
    }
    let mut foreign = world.request("TagResources", &format!("{on}&{tag}"));
    foreign.principal.account_id = "9999999999999999".into();
    let answer = world.control.call(foreign).await;
    assert_eq!(answer.body["Code"], "InvalidDbInstanceId.NotFound");
    assert_eq!(listed(&world, &format!("ResourceId.1={id}")).await, [format!("{id} a=1")]);
}
