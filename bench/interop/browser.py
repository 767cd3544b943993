"""Chromium without a screen, for the checks of pages."""

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service


def browser(width, *more):
    """A browser whose page is that many pixels wide, also below the narrowest window."""
    o = Options()
    for arg in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", f"--window-size={width},1000", *more):
        o.add_argument(arg)
    d = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=o)
    d.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
    return d


def colours(d, url):
    """The page's background where the reader wants light, and dark."""
    out = []
    for scheme in ("light", "dark"):
        d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        d.get(url)
        out.append(d.execute_script("return getComputedStyle(document.body).backgroundColor"))
    return out
