//! LarderDescribeInstanceLive: the node's own account of itself and its clients, for console and
//! CLI. No part of the R-KVStore API. Must not know how the node is asked.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, After, Context, Done};
use crate::error::ApiError;
use serde_json::{Map, Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "LarderDescribeInstanceLive",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID],
    doc: "Tells what the node says of itself now, null where it cannot be asked.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let body = super::object(json!({"InstanceId": instance.instance_id}));
    Ok(Done { body, after: After::Live { node_id: instance.node_id() } })
}

/// The same value with field names in the API's spelling: `used_memory_bytes` → `UsedMemoryBytes`.
pub fn camel_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let renamed = fields.into_iter().map(|(name, value)| (camel(&name), camel_case(value)));
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(camel_case).collect()),
        plain => plain,
    }
}

fn camel(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let plain = json!({"used_memory_bytes": 1, "list": [{"age_s": 2}], "role": "Primary"});
        let renamed = json!({"UsedMemoryBytes": 1, "List": [{"AgeS": 2}], "Role": "Primary"});
        assert_eq!(camel_case(plain), renamed);
    }
}
