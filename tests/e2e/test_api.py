"""The API below the SDKs: answers that are JSON whatever happens."""

import http.client
import json

import pytest


def answer(shared, method, path, body=None, headers=None):
    """Status and parsed body of one plain request."""
    connection = http.client.HTTPConnection("127.0.0.1", shared.api_port, timeout=10)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, response.headers, text


@pytest.mark.parametrize(
    "method, path, statuses",
    [
        ("GET", "/", (400, 403)),
        ("POST", "/", (400, 403)),
        ("GET", "/no/such/path", (404,)),
        ("PUT", "/", (400, 405)),
        ("GET", "/?Action=NoSuchAction&Version=2015-01-01", (400, 403, 404)),
        ("GET", "/?Action=DescribeInstances&Version=1999-01-01", (400, 403, 404)),
    ],
)
def test_refusals_are_json(shared, method, path, statuses):
    status, headers, text = answer(shared, method, path)
    body = json.loads(text)
    assert status in statuses, body
    assert headers["content-type"].startswith("application/json")
    assert body["Code"] and body["Message"] and body["RequestId"]


def test_unsigned_requests_change_nothing(shared):
    before = shared.pids("node")
    form = "Action=CreateInstance&Version=2015-01-01&RegionId=cn-hangzhou"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    status, _, text = answer(shared, "POST", "/", form, kind)
    assert status >= 400 and json.loads(text)["Code"]
    assert shared.pids("node") == before


def test_large_body_is_refused(shared):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    try:
        status, _, _ = answer(shared, "POST", "/", "a=" + "b" * (32 << 20), kind)
    except (BrokenPipeError, ConnectionResetError):
        return
    assert status in (400, 413)
