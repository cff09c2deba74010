"""The console in a real browser: log in, the list, one instance with live numbers."""

import re

import pytest
import redis
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from support import browser as chromium
from support import ports
from support.waiting import attempt, until


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """One browser for the file."""
    browser = chromium.start(tmp_path_factory.mktemp("browser"))
    browser.set_page_load_timeout(30)
    yield browser
    browser.quit()


@pytest.fixture
def browser(opened):
    """The browser without cookies."""
    opened.delete_all_cookies()
    return opened


def log_in(browser, ready, password=None):
    """Fills the login form in and sends it."""
    browser.get(ready["console"])
    fields = browser.find_elements(By.CSS_SELECTOR, "form input:not([type=hidden])")
    user, secret = [field for field in fields if field.get_attribute("type") != "submit"][:2]
    assert secret.get_attribute("type") == "password"
    user.clear()
    user.send_keys(ready["console_user"])
    secret.send_keys(password or ready["console_password"])
    browser.find_element(By.CSS_SELECTOR, "form button, form input[type=submit]").click()


def text(browser):
    """All visible text; read in one step, as a page may be replaced between finding and reading."""
    read = lambda: browser.execute_script("return document.body && document.body.innerText")
    return until(lambda: attempt(read, WebDriverException), "a page with text")


def see(browser, pattern):
    """Waits until the page shows `pattern`."""
    return until(lambda: re.search(pattern, text(browser), re.IGNORECASE), f"page shows {pattern}")


def test_wrong_password_shows_an_error(browser, shared):
    log_in(browser, shared.ready, "wrong password")
    see(browser, r"wrong|incorrect|not match|failed")
    chromium.shoot(browser, "login-refused")
    assert shared.ready["instance"]["id"] not in text(browser)


def test_pages_need_a_session(browser, shared):
    browser.get(f"{shared.ready['api']}/console/instances")
    assert shared.ready["instance"]["id"] not in text(browser)
    assert browser.find_elements(By.CSS_SELECTOR, "input[type=password]")


def test_list_and_one_instance_with_live_numbers(browser, shared):
    instance = shared.ready["instance"]
    client = shared.redis()
    client.flushall()
    client.mset({f"console:{number}": number for number in range(4321)})

    log_in(browser, shared.ready)
    see(browser, instance["id"])
    see(browser, "Normal")
    chromium.shoot(browser, "instances")

    browser.find_element(By.PARTIAL_LINK_TEXT, instance["id"]).click()
    see(browser, f"{instance['host']}:{instance['port']}|{instance['port']}")
    see(browser, r"4\D?321")
    chromium.shoot(browser, "instance")

    # Live: the page follows without being loaded again.
    client.mset({f"more:{number}": number for number in range(1000)})
    see(browser, r"5\D?321")
    chromium.shoot(browser, "instance-later")
    assert instance["password"] not in browser.page_source
    assert not chromium.complaints(browser)


def test_life_of_an_instance(browser, shared):
    """Create, open, use, restart and delete without leaving the browser."""
    password = "Console-2026"
    log_in(browser, shared.ready)
    see(browser, "New instance")
    browser.find_element(By.LINK_TEXT, "New instance").click()
    see(browser, "8 to 32 characters")
    fill(browser, "name", "from-console")
    fill(browser, "password", "weak")
    press(browser, "Create")
    see(browser, "password")
    chromium.shoot(browser, "create-refused")
    fill(browser, "password", password)
    press(browser, "Create")
    see(browser, "Normal")
    chromium.shoot(browser, "created")
    [instance_id] = re.findall(r"r-[a-z0-9]{10,}", browser.current_url)
    [port] = re.findall(r"-p (\d+)", text(browser))

    browser.get(f"{shared.ready['api']}/console/instances/{instance_id}/allowlist")
    fill(browser, "entries", "127.0.0.1")
    press(browser, "Save")
    see(browser, "Normal")
    endpoint = {"host": "127.0.0.1", "port": int(port), "password": password}
    client = shared.redis(endpoint)
    client.set("a", "1")
    see(browser, "127.0.0.1:[0-9]+")
    chromium.shoot(browser, "clients")

    browser.get(f"{shared.ready['api']}/console/instances/{instance_id}/restart")
    press(browser, "Restart")
    see(browser, "Rebooting|Normal")
    again = lambda: attempt(lambda: shared.redis(endpoint).get("a"), redis.RedisError)
    until(again, "it serves again")
    see(browser, "Normal")

    browser.get(f"{shared.ready['api']}/console/instances/{instance_id}/delete")
    fill(browser, "confirm", "not-its-name")
    press(browser, "Delete the instance")
    see(browser, "Type")
    fill(browser, "confirm", instance_id)
    press(browser, "Delete the instance")
    until(lambda: not ports.is_open(endpoint["port"]), "its port is closed")
    browser.get(f"{shared.ready['api']}/console/instances")
    until(lambda: instance_id not in text(browser), "it is gone from the list")
    chromium.shoot(browser, "deleted")


def fill(browser, field, value):
    """Types into the field of that id."""
    element = browser.find_element(By.ID, field)
    element.clear()
    element.send_keys(value)


def press(browser, label):
    """Presses the button that begins with this label."""
    buttons = browser.find_elements(By.TAG_NAME, "button")
    [button] = [button for button in buttons if button.text.startswith(label)]
    button.click()


def test_session_cookie_is_careful(browser, shared):
    log_in(browser, shared.ready)
    see(browser, shared.ready["instance"]["id"])
    cookies = browser.get_cookies()
    assert cookies
    for cookie in cookies:
        assert cookie["httpOnly"], cookie["name"]
        assert cookie.get("sameSite") in ("Strict", "Lax"), cookie["name"]
