"""The console in a real browser: log in, the list, one instance with live numbers."""

import re

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By

from support import browser as chromium
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
    """All visible text."""
    gone = (StaleElementReferenceException, NoSuchElementException)
    return attempt(lambda: browser.find_element(By.TAG_NAME, "body").text, *gone) or ""


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
    see(browser, r"4[, ]?321")
    chromium.shoot(browser, "instance")

    # Live: the page follows without being loaded again.
    client.mset({f"more:{number}": number for number in range(1000)})
    see(browser, r"5[, ]?321")
    chromium.shoot(browser, "instance-later")
    assert instance["password"] not in browser.page_source
    assert not chromium.complaints(browser)


def test_session_cookie_is_careful(browser, shared):
    log_in(browser, shared.ready)
    see(browser, shared.ready["instance"]["id"])
    cookies = browser.get_cookies()
    assert cookies
    for cookie in cookies:
        assert cookie["httpOnly"], cookie["name"]
        assert cookie.get("sameSite") in ("Strict", "Lax"), cookie["name"]
