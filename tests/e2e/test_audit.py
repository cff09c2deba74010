"""The audit log: written before each answer, linked, verified; asked for through ActionTrail."""

import json

import pytest
from alibabacloud_actiontrail20200706 import models as trail_models
from alibabacloud_actiontrail20200706.client import Client as TrailClient
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

from support import processes
from support.sdk import ApiError, NewSdk
from support.waiting import until


def log_files(larder):
    """The files of the audit log, oldest first."""
    directory = larder.data / "control"
    return sorted(directory.glob("audit.*.log")) + [directory / "audit.log"]


def lines(larder):
    """All lines as they are now."""
    return [json.loads(line) for path in log_files(larder) for line in path.open()]


def verify(larder):
    """Exit status and words of `larder audit verify`."""
    done = larder.cli("audit", "verify", "--data-dir", str(larder.data))
    return done.returncode, done.stdout + done.stderr


def test_every_call_and_refusal_is_a_link_of_the_chain(larder):
    sdk = NewSdk(larder.ready)
    instance = larder.ready["instance"]["id"]
    sdk.call("ModifyInstanceAttribute", instance_id=instance, instance_name="audited")
    with pytest.raises(ApiError):
        sdk.call("DeleteInstance", instance_id="r-none")
    with pytest.raises(ApiError):
        NewSdk(larder.ready, secret="wrong").call("DescribeRegions")
    told = [(line["action"], line["event"], line["code"]) for line in lines(larder)[-3:]
            if line["event"] != "begin"]
    assert told[-2:] == [("DeleteInstance", "end", "InvalidInstanceId.NotFound"),
                         ("DescribeRegions", "refused", "SignatureDoesNotMatch")]
    status, words = verify(larder)
    assert (status, "is whole" in words) == (0, True), words
    numbers = [line["seq"] for line in lines(larder)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_damage_is_found_with_its_place(larder):
    NewSdk(larder.ready).call("DescribeRegions")
    larder.stop()
    current = log_files(larder)[-1]
    good = current.read_text().splitlines(keepends=True)
    edited = good[2].replace('"status":200', '"status":403').replace('"event":"begin"', '"event":"x"')
    assert edited != good[2]
    damages = {
        "audit.log:3: line 3 was changed": good[:2] + [edited] + good[3:],
        "audit.log:3: line 3 is missing": good[:2] + good[3:],
        "audit.log:3: lines 3 to 4 are missing": good[:2] + good[4:],
        "missing at the end": good[:-1],
        "is a copy, or stands behind": good[:1] + [good[2], good[1]] + good[3:],
    }
    for words, damaged in damages.items():
        current.write_text("".join(damaged))
        status, told = verify(larder)
        assert (status, words in told) == (1, True), told
    current.write_text("".join(good))
    assert verify(larder)[0] == 0


def test_a_killed_control_plane_leaves_a_whole_chain(larder):
    sdk = NewSdk(larder.ready)
    [control] = larder.pids("control")
    processes.kill(control)
    until(lambda: [pid for pid in larder.pids("control") if pid != control], "control is back")

    def answers():
        try:
            return sdk.call("DescribeRegions")
        except Exception:  # Whatever the SDK makes of an address that nobody listens on yet.
            return None

    until(answers, "the API answers", 30)
    status, words = verify(larder)
    assert status == 0, words
    assert [line["event"] for line in lines(larder)].count("started") == 2


class Trail:
    """The official ActionTrail SDK, pointed at a Larder."""

    def __init__(self, ready):
        self.client = TrailClient(utils_models.Config(
            access_key_id=ready["access_key_id"],
            access_key_secret=ready["access_key_secret"],
            endpoint=ready["api"].removeprefix("http://").rstrip("/"),
            protocol="http",
            region_id="cn-hangzhou",
        ))

    def events(self, *attributes, **parameters):
        """One page; attributes are pairs of key and value."""
        made = [trail_models.LookupEventsRequestLookupAttribute(key=key, value=value)
                for key, value in attributes]
        request = trail_models.LookupEventsRequest(lookup_attribute=made, **parameters)
        return self.client.lookup_events(request).body

    def names(self, *attributes, **parameters):
        """Names of the events of one page."""
        return [event["eventName"] for event in self.events(*attributes, **parameters).events]


def test_the_official_sdk_finds_who_did_what(shared):
    sdk, trail = NewSdk(shared.ready), Trail(shared.ready)
    instance = shared.ready["instance"]["id"]
    for number in range(3):
        sdk.call("ModifyInstanceAttribute", instance_id=instance, instance_name=f"name-{number}")
    about = ("ResourceName", instance)
    renamed = ("EventName", "ModifyInstanceAttribute")
    seen, token = [], None
    while True:
        page = trail.events(about, renamed, max_results="2", next_token=token)
        seen += page.events
        token = page.next_token
        if not token:
            break
    names = [event["requestParameters"]["InstanceName"] for event in seen]
    assert names == ["name-2", "name-1", "name-0"]
    assert {event["userIdentity"]["accessKeyId"] for event in seen} == {
        shared.ready["access_key_id"]
    }
    [one] = trail.events(("EventId", seen[1]["eventId"])).events
    assert one == seen[1]
    assert trail.names(about, ("EventRW", "Read")).count("ModifyInstanceAttribute") == 0
    system = ("User", "system")
    told = until(lambda: trail.names(system, direction="FORWARD")[:2], "events without a call")
    assert told[0] == "InstanceTask:Begun"
    until(lambda: "InstanceTask:Succeeded" in trail.names(system), "the end of the creation")
    refused = trail.events(("EventName", "LookupEvents"), max_results="1")
    assert refused.events[0]["serviceName"] == "Actiontrail"


@pytest.mark.parametrize("parameters, code", [
    ({"start_time": "2026-11-22T00:00:00Z"}, "InvalidParameterCombination"),
    ({"start_time": "x", "end_time": "2026-11-22T00:00:00Z"}, "InvalidParameterStartTime"),
    ({"start_time": "2026-11-22T00:00:00Z", "end_time": "x"}, "InvalidParameterEndTime"),
    ({"max_results": "51"}, "InvalidQueryParameter"),
    ({"next_token": "x"}, "InvalidQueryParameter"),
])
def test_questions_that_make_no_sense_are_refused(shared, parameters, code):
    with pytest.raises(AlibabaCloudException) as refused:
        Trail(shared.ready).events(**parameters)
    assert (refused.value.status_code, refused.value.code) == (400, code)
