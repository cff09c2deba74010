"""Alarms from a client that fills an instance to a web server and a mail server that hear of it."""

import http.server
import json
import queue
import socketserver
import threading
import time

import pytest
from alibabacloud_cms20190101 import models as cms

from support import processes
from support.larder import Larder
from support.sdk import ApiError, CmsSdk, NewSdk
from support.waiting import attempt, until

PERIOD_S = 15


@pytest.fixture
def hook():
    """A web server on loopback; its queue holds each JSON body with the time of its arrival."""
    heard = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((time.monotonic(), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.heard = heard
    server.url = f"http://127.0.0.1:{server.server_port}/alarm"
    yield server
    server.shutdown()
    server.server_close()


def rule(instance_id, **more):
    """A rule on memory above 80 %."""
    worst = cms.PutResourceMetricRuleRequestEscalationsCritical(
        comparison_operator="GreaterThanThreshold", statistics="Average", threshold="80", times=1
    )
    fields = {
        "rule_id": f"memory-{instance_id}",
        "rule_name": "memory",
        "namespace": "acs_kvstore",
        "metric_name": "StandardMemoryUsage",
        "resources": json.dumps([{"instanceId": instance_id}]),
        "contact_groups": "ops",
        "escalations": cms.PutResourceMetricRuleRequestEscalations(critical=worst),
        "period": str(PERIOD_S),
    }
    return fields | more


def fill(client, mebibytes):
    """Writes so much."""
    with client.pipeline(transaction=False) as pipe:
        for number in range(mebibytes):
            pipe.set(f"filled:{number}", bytes(1 << 20))
        pipe.execute()


def made(larder):
    """A small instance with a client."""
    sdk = NewSdk(larder.ready)
    created = sdk.create(password="Tutorial-2026", instance_class="redis.shard.micro.ce")
    instance_id = created["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    return instance_id, larder.redis(sdk.endpoint(instance_id, "Tutorial-2026"))


def test_memory_reaches_a_webhook_and_so_does_its_end(shared, hook):
    sdk = CmsSdk(shared.ready)
    instance_id, client = made(shared)
    sdk.call("PutResourceMetricRule", **rule(instance_id, webhook=hook.url))
    rule_id = f"memory-{instance_id}"
    state = lambda: sdk.call("DescribeMetricRuleList", rule_ids=rule_id)["Alarms"]["Alarm"][0]
    until(lambda: state()["AlertState"] == "OK", "the rule has seen the instance", 60)

    fill(client, 200)
    filled = time.monotonic()
    arrived, body = hook.heard.get(timeout=90)
    # A period begins up to one period after the client; its end, and then a sample, are awaited.
    assert arrived - filled <= 2 * PERIOD_S + 5
    assert (body["alertState"], body["triggerLevel"]) == ("ALERT", "CRITICAL")
    assert body["dimensions"]["instanceId"] == instance_id and body["curValue"] > 80
    assert state()["AlertState"] == "ALARM"

    client.flushall()
    arrived, body = hook.heard.get(timeout=90)
    assert (body["alertState"], body["preTriggerLevel"]) == ("OK", "CRITICAL")
    until(lambda: state()["AlertState"] == "OK", "the rule is well again")
    log = sdk.call("DescribeAlertLogList", rule_id=rule_id)["AlertLogList"]
    assert [row["Level"] for row in log] == ["OK", "P2"]
    sent = lambda: [
        row["WebhookList"][0]["code"]
        for row in sdk.call("DescribeAlertLogList", rule_id=rule_id)["AlertLogList"]
    ]
    until(lambda: sent() == ["200", "200"], "both are noted as sent")
    assert hook.heard.empty(), "each once"
    sdk.call("DeleteMetricRules", id=[rule_id])
    client.close()


def test_an_alarm_is_told_once_across_a_kill(larder, hook):
    sdk = CmsSdk(larder.ready)
    instance_id, client = made(larder)
    sdk.call("PutResourceMetricRule", **rule(instance_id, webhook=hook.url))
    fill(client, 200)
    _, body = hook.heard.get(timeout=120)
    assert body["alertState"] == "ALERT"
    [control] = [pid for pid in larder.pids() if processes.role(pid) == "control"]
    processes.kill(control)
    listed = lambda: attempt(lambda: sdk.call("DescribeMetricRuleList"), Exception)
    until(lambda: listed() is not None, "control is back", 60)
    assert listed()["Alarms"]["Alarm"][0]["AlertState"] == "ALARM"
    client.flushall()
    _, body = hook.heard.get(timeout=120)
    assert body["alertState"] == "OK", "nothing but the end was told after the kill"
    client.close()


def test_mail_goes_to_the_contacts_of_a_group(tmp_path_factory):
    heard = queue.Queue()

    class Smtp(socketserver.StreamRequestHandler):
        """As much of SMTP as a client needs."""

        def handle(self):
            self.wfile.write(b"220 test ESMTP\r\n")
            while line := self.rfile.readline():
                word = line.strip().upper()[:4]
                if word == b"EHLO":
                    self.wfile.write(b"250 test\r\n")
                elif word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    heard.put(b"".join(lines).decode())
                    self.wfile.write(b"250 taken\r\n")
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 ok\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        "LARDER_SMTP_URL": f"smtp://127.0.0.1:{server.server_address[1]}",
        "LARDER_SMTP_FROM": "larder@example.org",
    }
    larder = Larder(tmp_path_factory.mktemp("mail") / "larder", environment=environment)
    try:
        larder.start()
        sdk = CmsSdk(larder.ready)
        instance_id = larder.ready["instance"]["id"]
        channels = cms.PutContactRequestChannels(mail="ann@example.org")
        sdk.call("PutContact", contact_name="ann", describe="her", channels=channels)
        sdk.call("PutContactGroup", contact_group_name="ops", contact_names=["ann"])
        least = cms.PutResourceMetricRuleRequestEscalationsInfo(
            comparison_operator="GreaterThanThreshold", statistics="Average", threshold="0", times=1
        )
        escalations = cms.PutResourceMetricRuleRequestEscalations(info=least)
        sdk.call("PutResourceMetricRule", **rule(instance_id, escalations=escalations))
        mail = heard.get(timeout=120)
        assert "To: ann@example.org" in mail and "From: larder@example.org" in mail
        assert f"[Info alarm] memory on {instance_id}" in mail.replace("\r\n ", " ")
        larder.stop()
    finally:
        larder.destroy()
        server.shutdown()
        server.server_close()


def test_refusals(shared):
    sdk = CmsSdk(shared.ready)
    instance_id = shared.ready["instance"]["id"]
    rows = [
        ({}, 404, "ResourceNotFound"),
        ({"webhook": "http://169.254.169.254/"}, 400, "ParameterInvalid"),
        ({"webhook": "http://h/", "period": "7"}, 400, "ParameterInvalid"),
        ({"webhook": "http://h/", "metric_name": "Nothing"}, 404, "ResourceNotFound"),
        ({"webhook": "http://h/", "rule_id": None}, 400, "MissingRuleId"),
    ]
    for more, status, code in rows:
        with pytest.raises(ApiError) as refused:
            sdk.call("PutResourceMetricRule", **rule(instance_id, **more))
        assert (refused.value.status, refused.value.code) == (status, code), more
