"""The pages that roost-bench draws, of a short run against the server: readable in a small and a large window, in the dark,
without scripts and in words; pointing at a picture says what is there. With an argument, a picture of the page goes into that
file."""

import os
import pathlib
import subprocess
import sys

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from browser import browser, colours

BENCH, DIR = os.environ["INTEROP_BENCH"], pathlib.Path(os.environ["INTEROP_DIR"]) / "report"
SCENARIO = """
name: two friends
about: two people who talk on a schedule, and ask for their rosters
users: 2
login: { mechanisms: [PLAIN] }
phases:
  - { name: come, kind: ramp, rate: 2 }
  - name: talk
    kind: hold
    for: 6s
    warm-up: 1s
    load:
      - { do: message, rate: 100 }
      - { do: roster-get, every: 100ms }
  - { name: crash, kind: storm }
  - { name: go, kind: drain }
"""

# Labels of an axis that cover each other, or leave their picture.
TANGLED = """
const bad = [];
for (const f of document.querySelectorAll("figure.chart")) {
  const box = f.getBoundingClientRect();
  for (const axis of f.querySelectorAll(".xs, .ys")) {
    const labels = [...axis.children].map((s) => s.getBoundingClientRect());
    labels.forEach((a, i) => {
      if (a.left < box.left || a.right > box.right) bad.push(axis.children[i].textContent + " leaves its picture");
      labels.slice(i + 1).forEach((b) => {
        if (a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2) bad.push(axis.textContent + " overlap");
      });
    });
  }
}
return bad;
"""


def ok(text):
    print(f"ok {text}", flush=True)


def bench(*args):
    done = subprocess.run([BENCH, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"roost-bench {args[0]}: {done.stdout[-300:]}")


def pages():
    """Two runs; the page of the first, and the page that compares them."""
    DIR.mkdir()
    (DIR / "s.yaml").write_text(SCENARIO)
    for label in ("before", "after"):
        bench("run", str(DIR / "s.yaml"), "-a", f"127.0.0.1:{os.environ['INTEROP_PORT']}", "-d", os.environ["INTEROP_DOMAIN"],
              "--pid", (DIR.parent / "server.pid").read_text().strip(), "--label", label, "-o", str(DIR / label))
    bench("compare", str(DIR / "before/result.json"), str(DIR / "after/result.json"), "-o", str(DIR))
    bench("report", str(DIR / "before"))
    return [(DIR / "before/report.html").as_uri(), (DIR / "compare.html").as_uri()]


def check_fits(d, url):
    d.get(url)
    if d.execute_script("return document.documentElement.scrollWidth > innerWidth"):
        raise AssertionError(f"{url} is wider than the window")
    if bad := d.execute_script(TANGLED):
        raise AssertionError(f"{url}: {bad[:3]}")
    pictures = d.find_elements(By.CSS_SELECTOR, "svg[role=img]")
    if len(pictures) < 3 or any(":" not in p.get_attribute("aria-label") for p in pictures):
        raise AssertionError(f"{url}: a picture says nothing to a screen reader")
    if errors := d.get_log("browser"):
        raise AssertionError(f"the browser's console: {errors}")


def check_pointing(d, url):
    d.get(url)
    figure = d.find_element(By.CSS_SELECTOR, "#percentiles figure")
    key = figure.find_element(By.CSS_SELECTOR, ".key strong")
    before = key.text
    area = figure.find_element(By.CSS_SELECTOR, ".area")
    d.execute_script("arguments[0].scrollIntoView({block: 'center'})", area)
    ActionChains(d).move_to_element_with_offset(area, 10 - area.size["width"] // 2, 0).perform()
    when = figure.find_element(By.CSS_SELECTOR, ".when").text
    if not when.startswith("p") or key.text == before:
        raise AssertionError(f"pointing says {when!r}, {key.text!r}")
    ActionChains(d).move_to_element(d.find_element(By.TAG_NAME, "h1")).perform()
    if key.text != before:
        raise AssertionError(f"afterwards the key says {key.text!r}, not {before!r}")


def main(picture=None):
    urls = pages()
    for width in (1280, 390):
        d = browser(width)
        try:
            for url in urls:
                check_fits(d, url)
            if width == 1280:
                check_pointing(d, urls[0])
                light, dark = colours(d, urls[0])
                if light == dark:
                    raise AssertionError(f"light and dark are both {light}")
                ok("pointing at a picture of a report says what is there; it is dark where the reader wants it dark")
        finally:
            d.quit()
        ok(f"report.html and compare.html fit a window of {width} pixels, and say in words what they draw")
    d = browser(1280, "--blink-settings=scriptEnabled=false")
    try:
        d.get(urls[0])
        if len(d.find_elements(By.CSS_SELECTOR, "figure.chart path.a")) < 5 or "Passed" not in d.find_element(By.TAG_NAME, "header").text:
            raise AssertionError("without scripts the report is empty")
        ok("a report says the same without scripts")
        if picture:
            d.save_screenshot(picture)
    finally:
        d.quit()


main(*sys.argv[1:2])
