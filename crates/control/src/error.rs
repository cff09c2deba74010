//! Every error that the API can answer: the only place of codes, HTTP statuses and texts. Must not
//! know actions.

use serde_json::Value;
use std::borrow::Cow;

/// One row: a code with its status and usual text.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status.
    pub status: u16,
    /// `Code` of the answer.
    pub code: &'static str,
    /// `Message` unless the place knows better.
    pub message: &'static str,
}

/// What an action or the gateway answers instead of a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status, 400–599.
    pub status: u16,
    /// Stable.
    pub code: Cow<'static, str>,
    /// For a person.
    pub message: String,
    /// Seconds after which trying again makes sense; becomes `x-acs-retry-after`.
    pub retry_after_s: Option<u32>,
    /// `AccessDeniedDetail`, when a policy said no.
    pub access_denied: Option<Value>,
}

impl Fault {
    /// The error with the usual text.
    pub fn plain(&self) -> ApiError {
        self.says(self.message)
    }

    /// The error with a text that names the culprit.
    pub fn says(&self, message: impl Into<String>) -> ApiError {
        let (status, code) = (self.status, Cow::Borrowed(self.code));
        ApiError { status, code, message: message.into(), retry_after_s: None, access_denied: None }
    }
}

/// A required parameter is absent.
pub fn missing(param: &str) -> ApiError {
    let message = format!("{param} is mandatory for this action.");
    ApiError { code: Cow::Owned(format!("Missing{param}")), ..MISSING_PARAMETER.says(message) }
}

/// A parameter's value is not of its kind; `wanted` tells of which: "a number from 1 to 9".
pub fn malformed(param: &str, wanted: &str) -> ApiError {
    let message = format!("The Specified parameter {param} is not valid. Reason: it is {wanted}.");
    let code = Cow::Owned(format!("Invalid{param}.Malformed"));
    ApiError { code, ..INVALID_PARAMETER.says(message) }
}

/// Too many requests; `retry_after_s` at least 1.
pub fn throttled(retry_after_s: u32) -> ApiError {
    ApiError { retry_after_s: Some(retry_after_s.max(1)), ..THROTTLING_USER.plain() }
}

macro_rules! faults {
    ($($name:ident = $status:literal $code:literal $message:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $message)]
            pub const $name: Fault = Fault { status: $status, code: $code, message: $message };
        )*
        /// All rows.
        pub const FAULTS: &[&Fault] = &[$(&$name),*];
    };
}

faults! {
    // The gateway.
    SIGNATURE_DOES_NOT_MATCH = 400 "SignatureDoesNotMatch"
        "Specified signature is not matched with our calculation. server string to sign is:";
    TIMESTAMP_EXPIRED = 400 "InvalidTimeStamp.Expired"
        "Specified time stamp or date value is expired.";
    TIMESTAMP_FORMAT = 400 "InvalidTimeStamp.Format"
        "Specified time stamp or date value is not well formatted.";
    NONCE_USED = 400 "SignatureNonceUsed" "Specified signature nonce was used already.";
    INCOMPLETE_SIGNATURE = 400 "IncompleteSignature"
        "The request signature does not conform to Aliyun standards.";
    ACCESS_KEY_NOT_FOUND = 404 "InvalidAccessKeyId.NotFound" "Specified access key is not found.";
    ACCESS_KEY_INACTIVE = 400 "InvalidAccessKeyId.Inactive" "Specified access key is disabled.";
    REQUEST_TIMEOUT = 408 "RequestTimeout"
        "The request did not arrive in time; send its body without pauses.";
    ACTION_NOT_FOUND = 404 "InvalidAction.NotFound"
        "Specified api is not found, please check your url and method.";
    INVALID_VERSION = 404 "InvalidVersion" "Specified parameter Version is not valid.";
    INVALID_PARAMETER = 400 "InvalidParameter" "The specified parameter is not valid.";
    MISSING_PARAMETER = 400 "MissingParameter" "A mandatory parameter is missing.";
    NO_PERMISSION = 403 "NoPermission"
        "User not authorized to operate on the specified resource, \
         or this API doesn't support RAM.";
    THROTTLING_USER = 400 "Throttling.User" "Request was denied due to user flow control.";
    INTERNAL_ERROR = 500 "InternalError"
        "The request processing has failed due to some unknown error.";
    DISK_FULL = 503 "InsufficientDiskSpace"
        "The disk of this host is nearly full. Make room on it or enlarge it; meanwhile reading \
         goes on, and instances can be deleted and flushed.";
    SERVICE_UNAVAILABLE = 503 "ServiceUnavailable"
        "The request has failed due to a temporary failure of the server.";
    // The HTTP layer.
    UNAUTHORIZED = 401 "Unauthorized" "This page needs a token.";
    PATH_NOT_FOUND = 404 "InvalidPath.NotFound" "There is nothing at this path.";
    METHOD_NOT_ALLOWED = 405 "MethodNotAllowed" "Use GET or POST.";
    BODY_TOO_LARGE = 413 "RequestTooLarge" "The request body is larger than 1 MiB.";
    // Instances.
    INSTANCE_NOT_FOUND = 404 "InvalidInstanceId.NotFound"
        "The InstanceId provided does not exist in our records.";
    INCORRECT_STATE = 403 "IncorrectDBInstanceState"
        "Current DB instance state does not support this operation.";
    LOCK_MODE = 403 "IncorrectDBInstanceLockMode"
        "The instance is locked for writes; unlock it with UnlockDBInstanceWrite.";
    TARGET_MEMORY = 403 "TargetMemoryLessThanCurrentUsed"
        "The target instance memory size below the current instance used memory.";
    RELEASE_PROTECTION = 403 "InstanceReleaseProtection"
        "The operation is not permitted due to instance release protection.";
    INVALID_MAINTAIN_START = 400 "InvalidStartTime.Format"
        "The Specified parameter MaintainStartTime is not valid. Reason: it is HH:mmZ.";
    INVALID_MAINTAIN_END = 400 "InvalidEndTime.Format"
        "The Specified parameter MaintainEndTime is not valid. Reason: it is HH:mmZ and at least \
         an hour after MaintainStartTime.";
    INVALID_TIME_RANGE = 400 "Param.Invalid.TimeEndBeforeStart"
        "The end of the time range is before its start.";
    IDEMPOTENT_MISMATCH = 400 "IdempotentParameterMismatch"
        "Request uses a client token in a previous request but is not identical to that request.";
    DRY_RUN = 400 "DryRunOperation" "Request validation has been passed with DryRun flag set.";
    INVALID_TOKEN = 400 "InvalidToken.Malformed"
        "The Specified parameter Token is not valid. Reason: it is 1 to 64 printable ASCII \
         characters without spaces.";
    INVALID_INSTANCE_NAME = 400 "InvalidInstanceName.Malformed"
        "The Specified parameter InstanceName is not valid. Reason: it is 2 to 80 characters, \
         the first a letter, without spaces and any of @/:=\"<>{[]}.";
    INVALID_PASSWORD = 400 "InvalidPassword.Malformed"
        "The Specified parameter Password is not valid.";
    INVALID_CAPACITY = 404 "InvalidCapacity.NotFound" "The Capacity provided does not exist.";
    INVALID_CLASS = 400 "InvalidInstanceClass.NotFound"
        "The InstanceClass provided does not exist.";
    CLASS_MISMATCH = 400 "InstanceClass.NotMatch"
        "The InstanceClass does not have the Capacity provided.";
    INVALID_ENGINE_VERSION = 400 "InvalidEngineVersion.Malformed"
        "The Specified parameter EngineVersion is not valid.";
    INVALID_REGION = 400 "InvalidRegion.Format" "The Specified parameter RegionId is not valid.";
    ZONE_NOT_FOUND = 400 "ZoneIdNotFound" "The ZoneId provided does not exist in our records.";
    QUOTA_EXCEED = 400 "QuotaExceed" "The quota is exceeded.";
    TYPE_NOT_SUPPORT = 403 "InstanceType.NotSupport"
        "Current instance type does not support this operation.";
    INVALID_INSTANCE_IDS = 400 "InvalidInstanceIds.Malformed"
        "The Specified parameter InstanceIds is not valid.";
    INVALID_TAG_KEY = 400 "InvalidTagKey.Malformed"
        "The Specified parameter Tag.N.Key is not valid. Reason: it is 1 to 64 characters, \
         does not begin with aliyun, acs:, http:// or https://, and comes once.";
    INVALID_TAG_VALUE = 400 "InvalidTagValue.Malformed"
        "The Specified parameter Tag.N.Value is not valid. Reason: it has at most 128 \
         characters.";
    DUPLICATE_TAG_KEY = 400 "Duplicate.TagKey" "The Tag.N.Key contains duplicate keys.";
    SAME_CLASS = 400 "InvalidInstanceClass.NotChanged"
        "The instance has the InstanceClass provided already.";
    OPERATION_STARTED = 403 "OperationDenied.TaskStatus"
        "The task does not wait any more.";
    TASK_NOT_FOUND = 404 "InvalidTaskId.NotFound"
        "The TaskId provided does not exist in our records.";
    INVALID_IP_TYPE = 400 "InvalidIPType.Format" "The Specified parameter IPType is not valid.";
    INVALID_CONNECTION_STRING = 400 "InvalidConnectionString.Format"
        "The Specified parameter NewConnectionString is not valid. Reason: it is 8 to 40 \
         lower-case letters and digits, the first a letter.";
    CONNECTION_NOT_SUPPORTED = 400 "NewConnectionStringNotSupport"
        "The NewConnectionString is not supported.";
    CONNECTION_DUPLICATE = 400 "InvalidConnectionStringOrPort.Duplicate"
        "The connection string or the port is in use.";
    RESOURCE_GROUP = 400 "ResourceGroupNotExist"
        "The ResourceGroupId provided does not exist. Reason: it is rg- and up to 60 lower-case \
         letters, digits and hyphens.";
    TAGS_EXCEED = 400 "NumberExceed.Tags" "The maximum number of Tags is exceeded.";
    INVALID_RESOURCE_TYPE = 400 "InvalidParameter.ResourceType"
        "The Specified parameter ResourceType is not valid. Reason: it is INSTANCE.";
    RESOURCES_EXCEED = 400 "NumberExceed.ResourceIds"
        "The maximum number of ResourceIds is exceeded: it is 50.";
    MISS_TAG_OR_RESOURCE = 400 "MissParameter.TagOrResourceId"
        "ResourceId.N or Tag.N is mandatory for this action.";
    DB_INSTANCE_NOT_FOUND = 404 "InvalidDbInstanceId.NotFound"
        "Specified instance does not exist.";
    // Accounts.
    ACCOUNT_NOT_FOUND = 404 "InvalidAccountName.NotFound" "Specified AccountName does not exist.";
    INVALID_ACCOUNT_PASSWORD = 400 "InvalidAccountPassword.Format"
        "Specified AccountPassword is not valid.";
    WRONG_OLD_PASSWORD = 400 "InvalidOldAccountPassword.NotMatch"
        "The OldAccountPassword is not the password of the account; ResetAccountPassword sets a \
         new one without it.";
    INVALID_ACCOUNT_NAME = 400 "InvalidAccountName.Format" "Specified AccountName is not valid.";
    RESERVED_ACCOUNT_NAME = 400 "InvalidAccountName.Forbid"
        "Specified AccountName is a reserved word.";
    DUPLICATE_ACCOUNT = 400 "InvalidAccountName.Duplicate" "Specified AccountName exists already.";
    INVALID_ACCOUNT_DESCRIPTION = 400 "InvalidAccountDescription.Format"
        "Specified AccountDescription is not valid.";
    INVALID_ACCOUNT_PRIVILEGE = 400 "InvalidAccountPrivilege.Format"
        "Specified AccountPrivilege is not valid. Reason: it is RoleReadOnly or RoleReadWrite.";
    DEFAULT_ACCOUNT = 400 "IncorrectAccount"
        "The default accounts of an instance keep their privilege.";
    DEFAULT_ACCOUNT_STAYS = 403 "OperationDenied.AccountStatus"
        "The default accounts of an instance cannot be deleted.";
    ACCOUNT_LIMIT_EXCEEDED = 403 "AccountLimitExceeded"
        "Exceeding the allowed amount of account.";
    // Logs.
    INVALID_RETENTION = 400 "InvalidRetention"
        "The Specified parameter Retention is not valid. Reason: it is 1 to 365 days, and needed \
         to switch the audit log on.";
    INVALID_AUDIT_END = 400 "InvalidEndTime.Invalid"
        "The Specified parameter EndTime is not valid. Reason: it is not before StartTime.";
    // ActionTrail.
    INVALID_COMBINATION = 400 "InvalidParameterCombination"
        "The specified parameters do not go together. StartTime and EndTime are given both or not \
         at all.";
    INVALID_QUERY_PARAMETER = 400 "InvalidQueryParameter"
        "The specified query parameter is invalid.";
    INVALID_LOOKUP_START = 400 "InvalidParameterStartTime"
        "The specified StartTime is not valid. Reason: it is a UTC time such as \
         2026-11-22T12:00:00Z, not in the future.";
    INVALID_LOOKUP_END = 400 "InvalidParameterEndTime"
        "The specified EndTime is not valid. Reason: it is a UTC time such as \
         2026-11-22T12:00:00Z, not before StartTime.";
    // CloudMonitor.
    PARAMETER_INVALID = 400 "ParameterInvalid" "The specified parameter is not valid.";
    RESOURCE_NOT_FOUND = 404 "ResourceNotFound" "The specified resource is not found.";
    // RAM and STS; codes of the first four go on with what is meant: EntityNotExist.User.
    ENTITY_NOT_EXIST = 404 "EntityNotExist" "The entity does not exist.";
    ENTITY_ALREADY_EXISTS = 409 "EntityAlreadyExists" "The entity exists already.";
    DELETE_CONFLICT = 409 "DeleteConflict" "Something hangs on the entity.";
    LIMIT_EXCEEDED = 409 "LimitExceeded" "The limit is reached.";
    TOKEN_MALFORMED = 400 "InvalidSecurityToken.Malformed"
        "Specified SecurityToken is malformed.";
    TOKEN_MISMATCH = 400 "InvalidSecurityToken.MismatchWithAccessKey"
        "Specified SecurityToken mismatch with the AccessKey.";
    TOKEN_EXPIRED = 400 "InvalidSecurityToken.Expired" "Specified SecurityToken is expired.";
    MALFORMED_POLICY = 400 "MalformedPolicyDocument" "The policy document is not valid.";
    // Parameters.
    INVALID_PARAMETERS = 400 "InvalidParameters.Format" "Specified parameters is not valid.";
    PARAM_NOT_SUPPORTED = 400 "ParamNotSupportedForCurrentVersion"
        "The parameter is not supported for the current version.";
    PARAMETER_GROUP_NOT_FOUND = 404 "InvalidParameterGroupId.NotFound"
        "The ParameterGroupId provided does not exist in our records.";
    PARAMETER_GROUP_DUPLICATE = 400 "InvalidParameterGroupName.Duplicate"
        "Specified ParameterGroupName exists already.";
    // Allowlist.
    INVALID_GROUP_NAME = 400 "InvalidGroupName.Format"
        "The Specified parameter SecurityIpGroupName is not valid.";
    INVALID_SECURITY_IPS = 400 "InvalidSecurityIPList.Format"
        "The Specified parameter SecurityIps is not valid.";
    SECURITY_IP_DUPLICATE = 409 "SecurityIPList.Duplicate"
        "The SecurityIps contain an address that is there already.";
    SECURITY_IP_NOT_FOUND = 404 "InvalidSecurityIPList.NotFound"
        "The SecurityIps contain an address that is not there.";
    SECURITY_IPS_EXCEED = 400 "SecurityIPList.LimitExceeded"
        "The number of addresses or groups exceeds the limit.";
    GLOBAL_GROUP_NOT_FOUND = 404 "InvalidGlobalSecurityGroupId.NotFound"
        "The GlobalSecurityGroupId provided does not exist in our records.";
    GLOBAL_GROUP_DUPLICATE = 400 "InvalidGlobalIgName.Duplicate"
        "Specified GlobalIgName exists already.";
    GLOBAL_GROUP_IN_USE = 403 "OperationDenied.GlobalSecurityIPGroupInUse"
        "The group is bound to instances; unbind them with ModifyGlobalSecurityIPGroupRelation.";
    SECURITY_GROUP_NOT_FOUND = 404 "InvalidSecurityGroupId.NotFound"
        "The SecurityGroupId provided does not exist in our records.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_texts_are_sentences() {
        let codes: BTreeSet<_> = FAULTS.iter().map(|fault| fault.code).collect();
        assert_eq!(codes.len(), FAULTS.len());
        for fault in FAULTS {
            assert!((400..600).contains(&fault.status), "{}", fault.code);
            assert!(fault.message.ends_with(['.', ':']), "{}", fault.code);
        }
    }

    #[test]
    fn clients_that_split_at_the_colon_find_one() {
        assert!(SIGNATURE_DOES_NOT_MATCH.message.contains(':'));
    }
}
