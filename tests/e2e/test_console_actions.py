"""The console's generated pages in a real browser: actions, charts, and what every page must be."""

import re

import pytest
from axe_core_python import selenium as axe
from selenium.webdriver.common.by import By

from support import browser as chromium
from support.sdk import NewSdk
from support.waiting import until
from test_console import browser, log_in, opened, see, text  # noqa: F401

PASSWORD = "Console-2026"


@pytest.fixture(scope="module")
def instance(shared):
    """An instance of its own."""
    sdk = NewSdk(shared.ready)
    instance_id = sdk.create(password=PASSWORD, instance_name="pages")["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    return sdk, instance_id


def fill(page, field, value):
    """Types into a generated field."""
    element = page.find_element(By.ID, f"f-{field}")
    element.clear()
    element.send_keys(value)


def press(page):
    """Sends the page's own form."""
    page.find_element(By.CSS_SELECTOR, "main form button[type=submit]").click()


def test_an_account_from_the_page_of_its_action(browser, shared, instance):
    sdk, instance_id = instance
    log_in(browser, shared.ready)
    see(browser, "pages")
    browser.get(f"{shared.ready['api']}/console/instances/{instance_id}")
    browser.find_element(By.LINK_TEXT, "Make an account").click()
    see(browser, "CreateAccount")
    assert browser.find_element(By.ID, "f-InstanceId").get_attribute("value") == instance_id
    fill(browser, "AccountName", "Bad Name")
    fill(browser, "AccountPassword", PASSWORD)
    press(browser)
    see(browser, "AccountName is not valid")
    assert PASSWORD not in browser.page_source
    fill(browser, "AccountName", "reader")
    fill(browser, "AccountPassword", PASSWORD)
    press(browser)
    see(browser, r"Done\.")
    see(browser, "larder api CreateAccount --InstanceId")
    chromium.shoot(browser, "action-done")
    browser.get(f"{shared.ready['api']}/console/instances/{instance_id}")
    browser.find_element(By.LINK_TEXT, "Show accounts").click()
    see(browser, "reader")
    chromium.shoot(browser, "action-list")
    assert not chromium.complaints(browser) or all(
        "422" in line for line in chromium.complaints(browser)
    )


def test_a_flush_asks_for_the_instance_by_name(browser, shared, instance):
    sdk, instance_id = instance
    client = shared.redis(sdk.endpoint(instance_id, PASSWORD))
    client.set("key", "value")
    log_in(browser, shared.ready)
    see(browser, "pages")
    sdk.wait_normal(instance_id)
    browser.get(f"{shared.ready['api']}/console/actions/FlushInstance?InstanceId={instance_id}")
    see(browser, "Nothing brings back")
    press(browser)
    see(browser, f"Type {instance_id} to confirm")
    assert client.dbsize() == 1
    browser.find_element(By.ID, "confirm").send_keys(instance_id)
    chromium.shoot(browser, "action-flush")
    press(browser)
    see(browser, r"Done\.")
    until(lambda: client.dbsize() == 0, "the data are gone")


# What a card hides beyond its edge and nobody can scroll to.
CUT = """return [...document.querySelectorAll('.card')]
    .filter(card => card.scrollWidth > card.clientWidth + 1).map(card => card.className)"""

def test_out_of_the_recycle_bin_and_for_good(browser, shared):
    sdk = NewSdk(shared.ready)
    instance_id = sdk.create(password=PASSWORD, instance_name="binned")["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)
    log_in(browser, shared.ready)
    see(browser, "Recycle bin")
    browser.find_element(By.LINK_TEXT, "Recycle bin").click()
    see(browser, instance_id)
    see(browser, sdk.released()[instance_id]["DestroyTime"])
    narrow = {"width": 360, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.shoot(browser, "recycle-bin")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    chromium.shoot(browser, "recycle-bin-360")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.find_element(By.LINK_TEXT, "Recover").click()
    see(browser, "Brings a deleted instance back")
    press(browser)
    see(browser, r"Done\.")
    sdk.wait_normal(instance_id)
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)
    browser.get(f"{shared.ready['api']}/console/recycle-bin")
    browser.find_element(By.LINK_TEXT, "Destroy").click()
    see(browser, "Nothing brings back")
    press(browser)
    see(browser, f"Type {instance_id} to confirm")
    assert instance_id in sdk.released()
    browser.find_element(By.ID, "confirm").send_keys(instance_id)
    press(browser)
    see(browser, r"Done\.")
    until(lambda: instance_id not in sdk.released(), "it is gone for good")


PAGES = {
    "instances": "/console/instances",
    "new": "/console/instances/new",
    "instance": "/console/instances/{id}",
    "monitoring": "/console/instances/{id}/monitoring?range=10m",
    "allowlist": "/console/instances/{id}/allowlist",
    "password": "/console/instances/{id}/password",
    "restart": "/console/instances/{id}/restart",
    "delete": "/console/instances/{id}/delete",
    "actions": "/console/actions",
    "accounts": "/console/actions/DescribeAccounts?InstanceId={id}&run=1",
    "create": "/console/actions/CreateInstance",
    "flush": "/console/actions/FlushInstance?InstanceId={id}",
    "users": "/console/actions/ListUsers?run=1",
    "events": "/console/actions/LookupEvents?run=1",
    "accounts-of": "/console/instances/{id}/accounts",
    "parameters-of": "/console/instances/{id}/parameters",
    "tags-of": "/console/instances/{id}/tags",
    "tasks": "/console/tasks",
    "bin": "/console/recycle-bin",
    "recover": "/console/actions/RecoverInstance?InstanceId={id}",
    "alarms": "/console/alarms",
    "policies": "/console/policies",
    "groups": "/console/parameter-groups",
    "quotas": "/console/quotas",
    "audit": "/console/audit",
    "nowhere": "/console/nowhere",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_every_page_fits_and_is_accessible(browser, shared, instance, width, scheme):
    _, instance_id = instance
    log_in(browser, shared.ready)
    see(browser, "pages")
    # What earlier tests provoked.
    chromium.complaints(browser)
    emulate = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", emulate)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    try:
        for name, path in PAGES.items():
            browser.get(shared.ready["api"] + path.format(id=instance_id))
            see(browser, r"\w")
            chromium.shoot(browser, f"page-{name}-{width}-{scheme}")
            root = "document.documentElement"
            wide = f"return {root}.scrollWidth - {root}.clientWidth"
            assert browser.execute_script(wide) <= 0, f"{name} is wider than {width}"
            assert not browser.execute_script(CUT), f"{name} at {width}: something is cut off"
            found = axe.Axe().run(browser)["violations"]
            grave = [one for one in found if one["impact"] in ("serious", "critical")]
            shown = [(one["id"], one["nodes"][0]["html"][:200]) for one in grave]
            assert not grave, f"{name} at {width}, {scheme}: {shown}"
            told = [line for line in chromium.complaints(browser) if "404" not in line]
            assert not told, f"{name}: {told}"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
