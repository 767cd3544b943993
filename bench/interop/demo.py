"""The page of bench/demoroster in a real browser: a friendship is added and removed, and both clients are shown to
have seen it. Arguments: the demo's program, the server's program."""

import re
import subprocess
import sys
import threading

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 30  # seconds


def start(demo, server):
    """Starts the demo; gives its process and the page's URL."""
    p = subprocess.Popen([demo, "-roost", server], stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
    killer = threading.Timer(PATIENCE, p.kill)
    killer.start()
    for line in p.stdout:
        if m := re.match(r"page\s+(\S+)", line):
            killer.cancel()
            threading.Thread(target=p.stdout.read, daemon=True).start()
            return p, m[1]
    raise RuntimeError("the demo does not start")


def browser(width):
    o = Options()
    for arg in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={width},900"):
        o.add_argument(arg)
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=o)


def check(d, url, width):
    """Adds the friendship of alice and bob, and removes it."""
    wait = WebDriverWait(d, PATIENCE)
    d.get(url)
    wait.until(lambda d: "no longer" in d.find_element(By.ID, "seen").text)
    contact = "#client-%s [data-jid='%s@localhost']"
    both = [contact % ("alice", "bob"), contact % ("bob", "alice")]
    button = lambda: d.find_element(By.CSS_SELECTOR, "[data-pair=alice-bob] button")
    find = lambda sel: d.find_elements(By.CSS_SELECTOR, sel)
    button().click()
    wait.until(lambda d: all(find(sel + "[data-available=true]") for sel in both))
    wait.until(lambda d: "ms after the click" in d.find_element(By.ID, "seen").text)
    for who, other in (("alice", "bob"), ("bob", "alice")):
        log = d.find_element(By.CSS_SELECTOR, f"#client-{who} .log").text
        for line in (f"roster push: {other}@localhost, subscription both", f"presence: {other}@localhost is available"):
            if line not in log:
                raise AssertionError(f"{who} was not told: {line}")
    wait.until(lambda d: button().is_enabled() and button().text == "Remove")
    button().click()
    wait.until(lambda d: not any(find(sel) for sel in both))
    for who, other in (("alice", "bob"), ("bob", "alice")):
        for line in (f"roster push: {other}@localhost removed", f"presence: {other}@localhost is unavailable"):
            wait.until(lambda d: line in d.find_element(By.CSS_SELECTOR, f"#client-{who} .log").text)
    if d.execute_script("return document.documentElement.scrollWidth > innerWidth"):
        raise AssertionError("the page is wider than the window")
    if errors := [e for e in d.get_log("browser") if e["level"] == "SEVERE" and "favicon" not in e["message"]]:
        raise AssertionError(f"the browser's console: {errors}")
    print(f"ok the demo's page in a window of {width} pixels adds and removes a friendship, and both clients see it", flush=True)


def main():
    p, url = start(*sys.argv[1:3])
    try:
        for width in (1280, 500):
            d = browser(width)
            try:
                check(d, url, width)
            finally:
                d.quit()
    finally:
        p.terminate()
        p.wait(PATIENCE)
    print("ok the demo ends when it is told to" if p.returncode == 0 else f"FAIL the demo's end: exit code {p.returncode}", flush=True)


main()
