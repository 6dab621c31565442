#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the HTML report of a played batch in headless Chromium and uses it: search, filters, order, links, graph, keyboard.

    bench/report_html.py [--packages 300] [--screenshots FOLDER]

What is there is compared with what the batch was; logs in it are hostile. The exit status is 1 if anything is not as it
should be, 77 without a Chromium.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from batches import Play, make_batch, make_refusal
from chromium import Page, chromium, find_chromium

from abuildpy.batch.model import Report
from abuildpy.batch.seeing.report import Reports
from abuildpy.batch.seeing.summary import headline, refused
from abuildpy.batch.seeing.trouble import trouble_of
from abuildpy.ui.console import Console

_TWICE = "(ids => ids.length - new Set(ids).size)([...document.querySelectorAll('[id]')].map(each => each.id))"
_EDGES = "[...document.querySelectorAll('#graph-box path')].map(each => each.getAttribute('d').match(/-?[\\d.]+/g).map(Number))"
_LOGS = "[...document.querySelectorAll('.links a')].map(each => each.href).filter(each => each.endsWith('.log'))"
_FOURTH = "document.querySelector('#failures article:nth-of-type(4) [data-graph]')"
_SHOWN = "[...document.querySelectorAll('#table tbody tr')].filter(each => !each.hidden)"


class Checks:
    """Counts what is right and prints what is not."""

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self.wrong: list[str] = []
        self.count = 0
        self._say = say

    def same(self, what: str, found: object, wanted: object) -> None:
        """They should be equal."""
        self.count += 1
        if found != wanted:
            self.wrong.append(what)
            self._say(f"WRONG {what}: {_short(found)}, not {_short(wanted)}")


def make_report(folder: Path, packages: int) -> tuple[Path, Report]:
    """A report of a batch that was played."""
    plan, parts = make_batch(packages, folder / "aports")
    play = Play(plan, parts, folder / "logs", refusal=make_refusal(plan))
    path = folder / "report.html"
    report = play.run([Reports([path], Console(quiet=True), play.clock)], jobs=8)
    return path, report


def use(page: Page, path: Path, report: Report, checks: Checks, pictures: Path | None = None) -> None:
    """Does what people do with it."""

    def look(name: str) -> None:
        if pictures is not None:
            page.look(pictures / f"{name}.png")

    page.window(1400, 900)
    page.scheme("light")
    page.open(path.as_uri())
    names = [outcome.name for outcome in report.outcomes]
    status = {outcome.name: outcome.status for outcome in report.outcomes}
    checks.same("no hostile script ran", page.run("document.title"), headline(report))
    checks.same("scripts", page.run("[...document.scripts].map(each => each.type)"), ["application/json", ""])
    checks.same("images and frames", page.run("document.querySelectorAll('img, iframe, object, link').length"), 0)
    checks.same("rows", page.run(f"{_SHOWN}.map(each => each.id)"), names)
    dead = "[...document.querySelectorAll(\"a[href^='#']\")].map(each => decodeURIComponent(each.getAttribute('href').slice(1)))"
    checks.same("links to nothing", page.run(f"{dead}.filter(id => !document.getElementById(id))"), [])
    checks.same("ids twice", page.run(_TWICE), 0)
    look("top-light")
    if report.refusal is not None:
        page.run("document.getElementById('refused').scrollIntoView()")
        rows = page.run("[...document.querySelectorAll('#refused tbody th')].map(each => each.textContent)")
        checks.same("what is to be rebuilt", rows, list(refused(report)))
        held = page.run("document.querySelectorAll('#refused .names a').length")
        checks.same("links to what is held back", held, len(report.refusal.held))
        look("refused")
    _search(page, report, checks)
    look("search")
    _filters(page, report, checks)
    _order(page, report, checks)
    look("table")
    _links(page, report, checks)
    look("link")
    _graph(page, status, checks, look)
    if page.run("!!document.getElementById('timeline')"):
        page.run("document.getElementById('timeline').scrollIntoView()")
        look("timeline")
        bars = page.run("document.querySelectorAll('#time .bar').length")
        ran = sum(outcome.started is not None for outcome in report.outcomes)
        checks.same("bars of the timeline", bars >= ran, True)
        _set(page, "time-zoom", 20, "input")
        wide = page.run(
            "document.getElementById('time').clientWidth / document.getElementById('time').parentElement.clientWidth"
        )
        checks.same("zoom of the timeline", round(wide), 20)
        look("timeline-zoom")
        page.run("document.getElementById('durations').scrollIntoView()")
        look("durations")
    page.scheme("dark")
    for part in ("failures", "packages", "graph", "timeline"):
        page.run(f"document.getElementById('{part}')?.scrollIntoView()")
        look(f"{part}-dark")
    page.window(420, 800)
    page.run("scrollTo(0, 0)")
    checks.same(
        "no sideways scrolling of a small page", page.run("document.documentElement.scrollWidth <= innerWidth"), True
    )
    look("small-dark")
    checks.same("troubles", page.troubles(), [])


def _set(page: Page, element: str, value: object, event: str) -> None:
    """Gives a form's element a value, as if somebody had."""
    it = f"document.getElementById({json.dumps(element)})"
    page.run(f"{it}.value = {json.dumps(value)}; {it}.dispatchEvent(new Event({json.dumps(event)}))")


def _shown(page: Page) -> list[str]:
    found: list[str] = page.run(f"{_SHOWN}.map(each => each.id)")
    return found


def _search(page: Page, report: Report, checks: Checks) -> None:
    page.run("document.body.focus()")
    page.key("/", "/")
    checks.same("/ goes to the search", page.run("document.activeElement.id"), "search")
    page.write("Amber")
    page.wait_for(f"{_SHOWN}.length < {len(report.outcomes)}")
    wanted = [
        each.name for each in report.outcomes if "amber" in each.name or any("amber" in by for by in each.blocked_by)
    ]
    found = _shown(page)
    checks.same("search", [name for name in found if "broken" not in name], wanted)
    checks.same(
        "count", page.run("document.getElementById('shown').textContent"), f"{len(found)} of {len(report.outcomes)}"
    )
    page.write(" nothing-like-it")
    page.wait_for(f"{_SHOWN}.length === 0")
    page.click("document.getElementById('all')")
    checks.same("all again", len(_shown(page)), len(report.outcomes))
    _set(page, "search", "AssertionError", "input")
    tests = [each.name for each in report.outcomes if "AssertionError" in trouble_of(each).text]
    page.wait_for(f"{_SHOWN}.length < {len(report.outcomes)}")
    checks.same("search for an error", _shown(page), tests)


def _filters(page: Page, report: Report, checks: Checks) -> None:
    page.click("document.getElementById('all')")
    for status in ("built", "reused", "skipped"):
        page.click(f"document.querySelector(\"#filters [data-status='{status}']\")")
    wanted = [each.name for each in report.outcomes if each.status in ("failed", "blocked")]
    checks.same("filter by status", _shown(page), wanted)
    reasons = sorted({each.reason for each in report.outcomes if each.status == "failed" and each.reason})
    for reason in reasons:
        _set(page, "reason", reason, "change")
        checks.same(
            f"filter by {reason}", _shown(page), [each.name for each in report.outcomes if each.reason == reason]
        )
    page.click("document.querySelector(\".counts [data-only='blocked']\")")
    checks.same(
        "a count shows its own", _shown(page), [each.name for each in report.outcomes if each.status == "blocked"]
    )
    page.click("document.getElementById('all')")


def _order(page: Page, report: Report, checks: Checks) -> None:
    head = "[...document.querySelectorAll('#table thead th')].find(each => each.textContent === '{}')"
    times = {each.name: round(each.seconds, 3) for each in report.outcomes if each.status in ("built", "failed")}
    for direction, sign in (("descending", -1), ("ascending", 1)):
        page.click(f"{head.format('Time')}.querySelector('button')")
        checks.same(f"time {direction}", page.run(f"{head.format('Time')}.getAttribute('aria-sort')"), direction)
        seen = [times[name] for name in _shown(page) if name in times]
        checks.same(f"by time {direction}", seen, sorted(times.values(), key=lambda each: sign * each))
    page.run(f"{head.format('Package')}.querySelector('button').focus()")
    page.key("Enter")
    found = _shown(page)
    checks.same(
        "by name, with the keyboard",
        [name.split("/")[0] for name in found],
        sorted(name.split("/")[0] for name in found),
    )


def _links(page: Page, report: Report, checks: Checks) -> None:
    blocked = next((each for each in report.outcomes if each.status == "blocked" and each.blocked_by), None)
    if blocked is None:
        return
    by = blocked.blocked_by[0]
    page.click("document.querySelector(\".counts [data-only='blocked']\")")
    page.click(f"document.getElementById({json.dumps(blocked.name)}).querySelector('td.last a')")
    page.wait_for(f"decodeURIComponent(location.hash) === {json.dumps(f'#{by}')}")
    page.wait_for(f"!document.getElementById({json.dumps(by)}).hidden")
    place = page.run(f"document.getElementById({json.dumps(by)}).getBoundingClientRect().y")
    checks.same("a link shows who blocks", 0 <= place <= 900, True)
    page.click(f"document.getElementById({json.dumps(by)}).querySelector('th a')")
    page.wait_for(f"decodeURIComponent(location.hash) === {json.dumps(f'#failed:{by}')}")
    error = page.run(f"document.getElementById({json.dumps(f'failed:{by}')}).querySelector('.error').textContent")
    checks.same("and its first error", bool(error), True)
    wanted = [Path(each.log).as_uri() for each in report.outcomes if each.log and each.status == "failed"]
    checks.same("links to logs", sorted(page.run(_LOGS)), sorted(wanted))


def _graph(page: Page, status: Mapping[str, str], checks: Checks, look: Callable[[str], None]) -> None:
    page.run("document.getElementById('graph').scrollIntoView()")
    trouble = sum(each in ("failed", "blocked") for each in status.values())
    nodes = "document.querySelectorAll('#graph-box a').length"
    checks.same("the graph has the trouble", page.run(nodes), min(trouble, 300))
    look("graph")
    checks.same("what is needed stands left", all(way[0] < way[6] for way in page.run(_EDGES)), True)
    if trouble > 300:
        page.click("document.getElementById('graph-more')")
        checks.same("all of the trouble", page.run(nodes), trouble)
        look("graph-more")
    _set(page, "graph-view", "all", "change")
    checks.same("everything, within bounds", page.run(nodes), min(len(status), 300))
    began = time.monotonic()
    page.run("document.getElementById('graph-more').click()")
    print(f"graph of {len(status)}: {time.monotonic() - began:.2f} s")
    checks.same("everything", page.run(nodes), len(status))
    look("graph-all")
    _set(page, "graph-zoom", 0.3, "input")
    look("graph-all-small")
    _set(page, "graph-zoom", 1, "input")
    name = page.run(f"{_FOURTH}.click(), {_FOURTH}.dataset.graph")
    checks.same("around one", page.run("document.getElementById('graph-view').value"), "one")
    checks.same("around which", page.run("document.getElementById('graph-name').value"), name)
    look("graph-one")
    page.run("document.querySelector('#graph-box a[tabindex=\"0\"]').focus()")
    href = "document.activeElement.getAttribute('href')"
    checks.same("it has the focus", page.run(f"decodeURIComponent({href})"), f"#{name}")
    if page.run(f"{nodes} > 1"):
        page.key("ArrowRight")
        checks.same("an arrow key goes to a dependant", page.run(f"decodeURIComponent({href})") != f"#{name}", True)
        page.key("ArrowLeft")
        page.key("Enter")
        checks.same("Enter goes there", page.run("document.getElementById('graph-name').value") in status, True)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 500 else f"{text[:500]}…"


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=300)
    parser.add_argument("--screenshots", type=Path)
    arguments = parser.parse_args()
    program = find_chromium()
    if program is None:
        print("there is no Chromium", file=sys.stderr)
        return 77
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        path, report = make_report(Path(folder), arguments.packages)
        with chromium(program) as page:
            use(page, path, report, checks, arguments.screenshots)
        print(f"{path.stat().st_size} bytes, {checks.count} checks, {len(checks.wrong)} wrong")
    return 1 if checks.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
