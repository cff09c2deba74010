//! DescribePrice and DescribeInstanceAutoRenewalAttribute: nothing costs anything and nothing is
//! renewed. Must not know instances.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::class;
use serde_json::json;

/// DescribePrice.
pub const PRICE: Action = Action {
    name: "DescribePrice",
    version: KVSTORE,
    access: Access::Read,
    params: &[REGION_ID, Param::optional("InstanceClass", Kind::Text, "a class that exists")],
    doc: "Tells what an order costs: nothing.",
    token: None,
    handler: price,
};

/// DescribeInstanceAutoRenewalAttribute.
pub const RENEWAL: Action = Action {
    name: "DescribeInstanceAutoRenewalAttribute",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("DBInstanceId", Kind::Text, "ignored: no instance is a subscription"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 100 }, "30 unless told"),
    ],
    doc: "Lists the subscriptions that renew themselves: none, nothing is billed.",
    token: None,
    handler: renewal,
};

fn price(_: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    if params.text("InstanceClass").is_some_and(|name| class::find(name).is_none()) {
        return Err(error::INVALID_CLASS.plain());
    }
    Ok(Done::now(json!({
        "Order": {
            "TradeAmount": "0",
            "OriginalAmount": "0",
            "DiscountAmount": "0",
            "HandlingFeeAmount": "0",
            "StandPrice": 0,
            "StandDiscountPrice": 0,
            "Currency": "",
            "Code": "",
            "Message": "",
            "IsContractActivity": false,
            "ShowDiscountInfo": false,
            "Coupons": {"Coupon": []},
            "RuleIds": {"RuleId": []},
        },
        "SubOrders": {"SubOrder": []},
        "Rules": {"Rule": []},
        "OrderParams": "",
    })))
}

fn renewal(_: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    Ok(Done::now(json!({
        "PageNumber": params.integer("PageNumber").unwrap_or(1),
        "PageRecordCount": 0,
        "TotalRecordCount": 0,
        "Items": {"Item": []},
    })))
}
