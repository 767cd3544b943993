"""The status page in a real browser: it follows a login without being loaded again, fits small and large windows, is
readable in the dark and without scripts. With an argument, a picture of the page goes into that file."""

import base64
import os
import socket
import ssl
import sys

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from browser import browser, colours

PATIENCE = 30  # seconds
URL = f"http://127.0.0.1:{os.environ['INTEROP_HTTP_PORT']}/"
DOMAIN = os.environ["INTEROP_DOMAIN"]


def login():
    """A session of dave, over direct TLS."""
    trust = ssl.create_default_context(cafile=os.path.join(os.environ["INTEROP_CERTS"], "ca.pem"))
    raw = socket.create_connection(("127.0.0.1", int(os.environ["INTEROP_TLS_PORT"])), PATIENCE)
    s = trust.wrap_socket(raw, server_hostname=DOMAIN)

    def say(text, until):
        s.sendall(text.encode())
        got = b""
        while until not in got:
            more = s.recv(65536)
            if not more:
                raise AssertionError(f"the server closed after {got!r}")
            got += more

    header = f"<stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    say(header, b"</stream:features>")
    word = base64.b64encode(b"\0dave\0dave").decode()
    say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{word}</auth>", b"<success")
    say(header, b"</stream:features>")
    say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", b"</iq>")
    say("<presence/>", b"<presence")
    return s


def text(d, where):
    """What stands there now. It is asked for in one step, because the page replaces its parts at any moment."""
    return d.execute_script("return document.querySelector(arguments[0]).textContent", where)


def sessions(d):
    return int(text(d, "#numbers .big"))


def check_live(width, picture=None):
    d = browser(width)
    try:
        d.get(URL)
        wait = WebDriverWait(d, PATIENCE)
        before = sessions(d)
        with login():
            wait.until(lambda d: sessions(d) == before + 1)
            if "PLAIN" not in text(d, "#logins"):
                raise AssertionError("the login is not counted")
            if picture:
                d.save_screenshot(picture)
        wait.until(lambda d: sessions(d) == before)
        if d.execute_script("return document.documentElement.scrollWidth > innerWidth"):
            raise AssertionError("the page is wider than the window")
        labels = d.execute_script("return [...document.querySelectorAll('svg[role=img]')].map(s => s.getAttribute('aria-label'))")
        if not labels or not all("now" in said for said in labels):
            raise AssertionError(f"a curve says nothing to a screen reader: {labels}")
        if errors := [e for e in d.get_log("browser") if e["level"] == "SEVERE" and "favicon" not in e["message"]]:
            raise AssertionError(f"the browser's console: {errors}")
        print(f"ok the status page in a window of {width} pixels follows a login and its end", flush=True)
    finally:
        d.quit()


def check_dark():
    d = browser(1280)
    try:
        light, dark = colours(d, URL)
        if light == dark:
            raise AssertionError(f"light and dark are both {light}")
        print("ok the status page is dark where the reader wants it dark", flush=True)
    finally:
        d.quit()


def check_plain():
    d = browser(1280, "--blink-settings=scriptEnabled=false")
    try:
        d.get(URL)
        if DOMAIN not in d.find_element(By.ID, "state").text or not d.find_elements(By.CSS_SELECTOR, "#charts svg"):
            raise AssertionError("without scripts the page is empty")
        print("ok the status page says the same without scripts", flush=True)
    finally:
        d.quit()


check_live(1280, *sys.argv[1:2])
check_live(500)
check_dark()
check_plain()
