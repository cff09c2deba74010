"""One person's way through the console from the first login to the last deletion; a colleague who
may only read; and a list of two hundred."""

import json
import re

import pytest
import redis
from selenium.webdriver.common.by import By

from support import browser as chromium
from support.sdk import REGION, ZONE, NewSdk
from support.waiting import attempt, until
from test_console import browser, fill, log_in, opened, press, see, text  # noqa: F401
from test_console_actions import PAGES

PASSWORD = "Console-2026"


def follow(browser, label):
    """Clicks a link."""
    browser.find_element(By.LINK_TEXT, label).click()


def home(browser, instance_id):
    """From anywhere to the instance's own page, by links."""
    follow(browser, "Instances")
    see(browser, instance_id)
    browser.find_element(By.PARTIAL_LINK_TEXT, "walked").click()
    see(browser, "Manage")


def test_from_login_to_delete(browser, shared):
    log_in(browser, shared.ready)
    see(browser, "New instance")
    follow(browser, "New instance")
    fill(browser, "name", "walked")
    fill(browser, "password", PASSWORD)
    press(browser, "Create")
    see(browser, "Normal")
    [instance_id] = re.findall(r"r-[a-z0-9]{10,}", browser.current_url)
    [port] = re.findall(r"-p (\d+)", text(browser))
    client = lambda **login: shared.redis(
        {"host": "127.0.0.1", "port": int(port), "password": PASSWORD}, **login)

    follow(browser, "Open the allowlist")
    fill(browser, "entries", "127.0.0.1")
    press(browser, "Save")
    see(browser, "Normal")
    assert client().set("a", "1")

    home(browser, instance_id)
    follow(browser, "Make an account")
    fill(browser, "f-AccountName", "reader")
    fill(browser, "f-AccountPassword", PASSWORD)
    browser.find_element(By.ID, "f-AccountPrivilege").send_keys("RoleReadOnly")
    browser.find_element(By.CSS_SELECTOR, "main form button[type=submit]").click()
    see(browser, r"Done\.")
    reads = client(username="reader")
    assert reads.get("a") == "1"
    with pytest.raises(redis.exceptions.NoPermissionError):
        reads.set("a", "2")
    reads.close()

    home(browser, instance_id)
    follow(browser, "Change parameters")
    fill(browser, "f-Config", '{"hash-max-listpack-entries": "77"}')
    browser.find_element(By.CSS_SELECTOR, "main form button[type=submit]").click()
    see(browser, r"Done\.")
    value = lambda: client().config_get("hash-max-listpack-entries")
    until(lambda: value() == {"hash-max-listpack-entries": "77"}, "the parameter is in force")
    home(browser, instance_id)
    follow(browser, "Parameters")
    see(browser, r"hash-max-listpack-entries\s+77")

    home(browser, instance_id)
    follow(browser, "Empty the instance")
    fill(browser, "confirm", instance_id)
    browser.find_element(By.CSS_SELECTOR, "main form button[type=submit]").click()
    see(browser, r"Done\.")
    until(lambda: client().dbsize() == 0, "the data are gone")

    home(browser, instance_id)
    see(browser, "Normal")
    follow(browser, "Delete")
    fill(browser, "confirm", instance_id)
    press(browser, "Delete")
    gone = lambda: attempt(lambda: client().ping(), redis.RedisError) is None
    until(gone, "nobody answers any more")
    until(lambda: _names(browser, shared) == 0, "it is gone from the list")
    assert not chromium.complaints(browser)


def _names(browser, shared):
    browser.get(f"{shared.ready['api']}/console/instances")
    see(browser, "New instance")
    return text(browser).count("walked")


def _api(shared, action, *parameters):
    """An action from the terminal."""
    done = shared.cli("api", action, *parameters, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_reader_sees_everything_and_changes_nothing(browser, shared):
    instance_id = shared.ready["instance"]["id"]
    account = _api(shared, "GetCallerIdentity")["AccountId"]
    name = ["--UserName", "guest"]
    _api(shared, "CreateUser", *name)
    _api(shared, "CreateLoginProfile", *name, "--Password", PASSWORD)
    _api(shared, "AttachPolicyToUser", *name, "--PolicyType", "System",
         "--PolicyName", "ReadOnlyAccess")
    log_in(browser, shared.ready | {"console_user": f"guest@{account}"}, PASSWORD)
    see(browser, instance_id)
    chromium.complaints(browser)
    for page, path in PAGES.items():
        browser.get(shared.ready["api"] + path.format(id=instance_id))
        see(browser, r"\w")
        shown = text(browser)
        assert "not authorized" not in shown and "went wrong" not in shown, f"{page}: {shown}"
        told = [line for line in chromium.complaints(browser) if "404" not in line]
        assert not told, f"{page}: {told}"
    browser.get(f"{shared.ready['api']}/console/actions/FlushInstance?InstanceId={instance_id}")
    fill(browser, "confirm", instance_id)
    client = shared.redis()
    client.set("kept", "1")
    browser.find_element(By.CSS_SELECTOR, "main form button[type=submit]").click()
    see(browser, "not authorized|NoPermission|may not|allow")
    chromium.shoot(browser, "reader-refused")
    assert client.get("kept") == "1"
    chromium.complaints(browser)


def test_two_hundred_instances(browser, shared):
    sdk = NewSdk(shared.ready)
    made = []
    for batch in range(4):
        one = {"RegionId": REGION, "ZoneId": ZONE, "InstanceClass": "redis.shard.micro.ce"}
        rows = [one | {"InstanceName": f"many-{batch}-{n}"} for n in range(50)]
        answer = sdk.call("CreateInstances", engine_version="7.0", token=f"many-{batch}",
                          instances=json.dumps(rows))
        made += answer["InstanceIds"]["InstanceId"]
    try:
        log_in(browser, shared.ready)
        see(browser, r"201|page 1 of 5|1 of 5")
        pages = lambda: len(browser.find_elements(By.CSS_SELECTOR, "tbody tr"))
        assert pages() == 50
        for width in (360, 1280):
            emulate = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", emulate)
            root = "document.documentElement"
            wide = f"return {root}.scrollWidth - {root}.clientWidth"
            assert browser.execute_script(wide) <= 0
            chromium.shoot(browser, f"two-hundred-{width}")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        follow(browser, "Next")
        see(browser, "2 of 5")
        fill(browser, "q", "many-3-49")
        press(browser, "Search")
        until(lambda: pages() == 1, "one is found")
    finally:
        for instance_id in made:
            sdk.wait_normal(instance_id)
            sdk.call("DeleteInstance", instance_id=instance_id)
        for instance_id in made:
            sdk.wait_gone(instance_id)
