"""The two official SDKs behind one small interface, so that a test runs with both."""

import importlib
import json
import re
from urllib.parse import quote

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from alibabacloud_cms20190101 import client as cms_client, models as cms_models
from alibabacloud_r_kvstore20150101.client import Client
from alibabacloud_r_kvstore20150101 import models
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.runtime import RuntimeOptions
from aliyunsdkr_kvstore.request import v20150101 as old_requests

from support.waiting import until

REGION = "cn-hangzhou"
ZONE = "cn-hangzhou-h"


class ApiError(Exception):
    """What the API refused with, whichever SDK carried it."""

    def __init__(self, code, status, message):
        super().__init__(f"{status} {code}: {message}")
        self.code, self.status, self.message = code, status, message


class Sdk:
    """Calls by action name and snake_case parameters; answers as plain dictionaries."""

    def call(self, action, **parameters):
        """One action; raises ApiError."""
        raise NotImplementedError

    def status(self, instance_id):
        """InstanceStatus as DescribeInstanceAttribute tells it."""
        return self.attribute(instance_id)["InstanceStatus"]

    def attribute(self, instance_id):
        """The one entry of DescribeInstanceAttribute."""
        answer = self.call("DescribeInstanceAttribute", instance_id=instance_id)
        [attribute] = answer["Instances"]["DBInstanceAttribute"]
        assert attribute["InstanceId"] == instance_id
        return attribute

    def wait_normal(self, instance_id):
        """Polls until Normal, as every client does."""
        until(lambda: self.status(instance_id) == "Normal", f"{instance_id} is Normal", 60)

    def wait_gone(self, instance_id):
        """Polls until the API does not know the instance; gives the refusal."""
        def refused():
            try:
                self.status(instance_id)
            except ApiError as error:
                return error
            return None

        return until(refused, f"{instance_id} is gone", 60)

    def endpoint(self, instance_id, password):
        """The instance as the ready file describes one."""
        attribute = self.attribute(instance_id)
        host, port = attribute["ConnectionDomain"], int(attribute["Port"])
        url = f"redis://default:{quote(password, safe='')}@{host}:{port}/0"
        return {"id": instance_id, "host": host, "port": port, "password": password, "url": url}

    def create(self, **parameters):
        """CreateInstance with what it needs; the answer."""
        needed = {"region_id": REGION, "zone_id": ZONE, "engine_version": "7.0"}
        needed |= {"instance_class": "redis.shard.small.2.ce", "charge_type": "PostPaid"}
        return self.call("CreateInstance", **(needed | parameters))


class NewSdk(Sdk):
    """alibabacloud_r_kvstore20150101: ACS3-HMAC-SHA256, or RPC v1 with `algorithm="v2"`."""

    def __init__(self, ready, secret=None, key_id=None, algorithm=None):
        config = utils_models.Config(
            access_key_id=key_id or ready["access_key_id"],
            access_key_secret=secret or ready["access_key_secret"],
            endpoint=ready["api"].removeprefix("http://").rstrip("/"),
            protocol="http",
            region_id=REGION,
        )
        if algorithm:
            config.signature_algorithm = algorithm
        self.client = Client(config)

    def call(self, action, **parameters):
        request = getattr(models, f"{action}Request")(**parameters)
        method = getattr(self.client, _snake(action))
        try:
            answer = method(request)
        except AlibabaCloudException as error:
            raise ApiError(error.code, error.status_code, error.message) from None
        assert answer.status_code == 200
        return answer.body.to_map()


    def own(self, action, **query):
        """One of Larder's own actions, which no SDK has a model of; parameters as the API names
        them."""
        params = utils_models.Params(
            action=action, version="2026-01-01", protocol="HTTP", pathname="/", method="POST",
            auth_type="AK", style="RPC", req_body_type="formData", body_type="json",
        )
        request = utils_models.OpenApiRequest(query={k: str(v) for k, v in query.items()})
        try:
            return self.client.call_api(params, request, RuntimeOptions())["body"]
        except AlibabaCloudException as error:
            raise ApiError(error.code, error.status_code, error.message) from None

    def released(self):
        """The recycle bin, by instance id."""
        listed = self.call(
            "DescribeInstances", region_id=REGION, instance_status="Released", page_size=50
        )
        return {one["InstanceId"]: one for one in listed["Instances"]["KVStoreInstance"]}

    def destroy(self, instance_id):
        """DeleteInstance, then out of the recycle bin too."""
        self.call("DeleteInstance", instance_id=instance_id)
        self.wait_gone(instance_id)
        self.call("DestroyInstance", instance_id=instance_id)


class CmsSdk(Sdk):
    """alibabacloud_cms20190101: CloudMonitor at the same endpoint."""

    def __init__(self, ready):
        self.client = cms_client.Client(
            utils_models.Config(
                access_key_id=ready["access_key_id"],
                access_key_secret=ready["access_key_secret"],
                endpoint=ready["api"].removeprefix("http://").rstrip("/"),
                protocol="http",
                region_id=REGION,
            )
        )

    def call(self, action, **parameters):
        request = getattr(cms_models, f"{action}Request")(**parameters)
        try:
            answer = getattr(self.client, _snake(action))(request)
        except AlibabaCloudException as error:
            raise ApiError(error.code, error.status_code, error.message) from None
        body = answer.body.to_map()
        assert (str(body["Code"]), body.get("Success", True)) == ("200", True), body
        return body


class OldSdk(Sdk):
    """aliyun-python-sdk-core: RPC v1 HMAC-SHA1, unmodified."""

    def __init__(self, ready, secret=None, key_id=None):
        secret = secret or ready["access_key_secret"]
        self.client = AcsClient(key_id or ready["access_key_id"], secret, REGION)
        self.address = ready["api"].removeprefix("http://").rstrip("/")

    def call(self, action, **parameters):
        module = importlib.import_module(f"{old_requests.__name__}.{action}Request")
        request: RpcRequest = getattr(module, f"{action}Request")()
        request.set_endpoint(self.address)
        request.set_protocol_type("http")
        request.set_accept_format("json")
        for name, value in parameters.items():
            camel = "".join(word.capitalize() for word in name.split("_"))
            if camel == "RegionId":
                request.add_query_param(camel, value)
            else:
                getattr(request, f"set_{camel}")(value)
        try:
            return json.loads(self.client.do_action_with_exception(request))
        except ServerException as error:
            raise ApiError(error.error_code, error.http_status, error.message) from None


def _snake(action):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", action).lower()
