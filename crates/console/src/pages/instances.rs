//! The list of instances.

use super::{Frame, Outcome, draw};
use crate::door::Member;
use crate::figures;
use askama::Template;
use axum::http::StatusCode;
use control_model::region::REGION;
use serde_json::Value;

const PAGE_SIZE: u64 = 50;

#[derive(Template)]
#[template(path = "instances.html")]
struct ListPage {
    frame: Frame,
    rows: Vec<Summary>,
    search: String,
    total: u64,
    page: u64,
    pages: u64,
}

/// What the list and an instance's own page show of it.
#[derive(Debug, Default)]
pub struct Summary {
    pub id: String,
    pub name: String,
    pub status: String,
    /// `ok`, `busy` or `bad`.
    pub tone: &'static str,
    pub class: String,
    pub memory: String,
    pub host: String,
    pub port: String,
    /// UTC, as the API writes it.
    pub created: String,
}

impl Summary {
    /// From `KVStoreInstance` or `DBInstanceAttribute`.
    pub fn new(instance: &Value) -> Self {
        let text = |name: &str| match &instance[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let status = text("InstanceStatus");
        Self {
            tone: tone(&status),
            status,
            id: text("InstanceId"),
            name: text("InstanceName"),
            class: text("InstanceClass"),
            memory: instance["Capacity"]
                .as_u64()
                .map(|mib| figures::bytes(mib << 20))
                .unwrap_or_default(),
            host: text("ConnectionDomain"),
            port: text("Port"),
            created: text("CreateTime"),
        }
    }

    /// Name, or id where there is none.
    pub fn title(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }

    /// `2026-11-22 12:51 UTC`.
    pub fn created_text(&self) -> String {
        match self.created.split_once('T') {
            Some((day, time)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
            None => self.created.clone(),
        }
    }
}

fn tone(status: &str) -> &'static str {
    match status {
        "Normal" => "ok",
        "Error" | "Unavailable" | "Inactive" => "bad",
        _ => "busy",
    }
}

/// One page of the list.
pub async fn show(member: Member) -> Outcome {
    let page = member.visit.field("page").parse().unwrap_or(1).max(1);
    let search = member.visit.field("q").trim().to_owned();
    let (number, size) = (page.to_string(), PAGE_SIZE.to_string());
    let mut params = vec![("RegionId", REGION), ("PageNumber", &*number), ("PageSize", &*size)];
    if !search.is_empty() {
        params.push(("SearchKey", &search));
    }
    let answer = member.call("DescribeInstances", &params).await?;
    let instances = answer["Instances"]["KVStoreInstance"].as_array();
    let rows: Vec<Summary> =
        instances.map_or(&[][..], Vec::as_slice).iter().map(Summary::new).collect();
    let total = answer["TotalCount"].as_u64().unwrap_or(rows.len() as u64);
    let pages = total.div_ceil(PAGE_SIZE).max(1);
    let frame = Frame::new("Instances", &member);
    draw(StatusCode::OK, &ListPage { frame, rows, search, total, page, pages })
}
