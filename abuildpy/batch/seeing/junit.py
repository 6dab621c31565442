# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as JUnit XML, which every CI system reads: a suite for each repository, a case for each recipe.

There is no one schema. What is written here is valid against both that are in use: the one of Ant's task
(windyroad/JUnit-Schema, which wants ``properties``, ``system-out`` and ``system-err`` in every suite, and no zone in its
times) and that of Jenkins' xUnit plugin (junit-10.xsd).
"""

from __future__ import annotations

import platform
import re
import time
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from abuildpy.batch.model import RETRIED, Outcome, Refusal, Report
from abuildpy.batch.seeing.summary import headline, not_reached, refused
from abuildpy.batch.seeing.trouble import trouble_of
from abuildpy.ui.words import cut

_ERRORS = RETRIED | {"evaluate", "cycle", "dependencies", "disk"}
"""What JUnit calls an error: the recipe was not tried out. All else is a failure."""
_TAIL = 60
_FORBIDDEN = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The document."""
    outcomes: dict[str, list[Outcome | str]] = {}
    for outcome in report.outcomes:
        outcomes.setdefault(_repository(outcome.name), []).append(outcome)
    for name in not_reached(report):
        outcomes.setdefault(_repository(name), []).append(name)
    top = Element("testsuites")
    for number, (repository, cases) in enumerate(sorted(outcomes.items())):
        _suite(top, number, repository, cases, report)
    if not outcomes:
        _suite(top, 0, "batch", [], report)
    if report.refusal is not None:
        _publishing(top, len(top), report.refusal, report)
    indent(top, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(top, encoding="unicode")}\n'


def _suite(top: Element, number: int, repository: str, cases: list[Outcome | str], report: Report) -> None:
    known = [case for case in cases if isinstance(case, Outcome)]
    failed = [case for case in known if case.status == "failed"]
    errors = sum(case.reason in _ERRORS for case in failed)
    skipped = len(cases) - sum(case.status in ("built", "reused", "failed") for case in known)
    suite = _opened(
        top,
        number,
        repository,
        report,
        tests=len(cases),
        failures=len(failed) - errors,
        errors=errors,
        skipped=skipped,
        seconds=sum(case.seconds for case in known),
    )
    for case in cases:
        if isinstance(case, str):
            SubElement(_case(suite, case, 0), "skipped", {"message": "not reached"})
        else:
            _outcome(_case(suite, case.name, case.seconds), case)
    _closed(suite)


def _publishing(top: Element, number: int, refusal: Refusal, report: Report) -> None:
    """A suite for what comes after building: a case for each recipe that has to be rebuilt first."""
    losing = refused(report) or {"batch": [refusal.error]}
    suite = _opened(top, number, "publishing", report, tests=len(losing), failures=len(losing))
    for recipe, lines in losing.items():
        case = SubElement(suite, "testcase", {"classname": "publishing", "name": _clean(recipe), "time": _seconds(0)})
        message = cut(f"{refusal.error}: {lines[0]}" if lines != [refusal.error] else refusal.error, 1000)
        element = SubElement(case, "failure", {"type": "gate", "message": _clean(message)})
        held = [f"held back: {' '.join(refusal.held)}"] if refusal.held else []
        element.text = _clean("\n".join([*lines, *held, *([refusal.hint] if refusal.hint else [])]))
    _closed(suite)


def _opened(
    top: Element,
    number: int,
    name: str,
    report: Report,
    *,
    tests: int,
    failures: int = 0,
    errors: int = 0,
    skipped: int = 0,
    seconds: float = 0.0,
) -> Element:
    suite = SubElement(
        top,
        "testsuite",
        {
            "id": str(number),
            "name": _clean(name),
            "package": "abuildpy.batch",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(report.started)),
            "hostname": _clean(platform.node()) or "localhost",
            "tests": str(tests),
            "failures": str(failures),
            "errors": str(errors),
            "skipped": str(skipped),
            "time": _seconds(seconds),
        },
    )
    properties = SubElement(suite, "properties")
    for what, value in (("arch", report.plan.arch), ("jobs", str(report.jobs)), ("batch", headline(report))):
        SubElement(properties, "property", {"name": what, "value": _clean(value) or "-"})
    return suite


def _closed(suite: Element) -> None:
    """What has to stand at the end of every suite."""
    SubElement(suite, "system-out")
    SubElement(suite, "system-err")


def _case(suite: Element, name: str, seconds: float) -> Element:
    """Versions are no part of the name: a case is the same one after the next bump."""
    values = {
        "classname": _clean(_repository(name)),
        "name": _clean(name.rpartition("/")[2]),
        "time": _seconds(seconds),
    }
    return SubElement(suite, "testcase", values)


def _outcome(case: Element, outcome: Outcome) -> None:
    if outcome.status in ("built", "reused"):
        return
    if outcome.status != "failed":
        about = (
            f"blocked by {' '.join(outcome.blocked_by)}"
            if outcome.blocked_by
            else f"{outcome.status}: {outcome.reason}"
        )
        SubElement(case, "skipped", {"message": _clean(about)})
        return
    trouble = trouble_of(outcome, tail=_TAIL)
    kind = "error" if outcome.reason in _ERRORS else "failure"
    message = cut(f"{outcome.reason}: {trouble.text}", 1000)
    element = SubElement(case, kind, {"type": _clean(outcome.reason or "internal"), "message": _clean(message)})
    lines = [f"{outcome.name} {outcome.version}: {outcome.reason}", trouble.text]
    lines += [f"{'>' if number == trouble.number else ' '} {number:5} | {text}" for number, text in trouble.context]
    lines += [f"likely cause: {trouble.cause}"] if trouble.cause else []
    lines += [f"next step: {trouble.next_step}"] if trouble.next_step else []
    lines += [f"log: {outcome.log}"] if outcome.log else []
    lines += ["", "end of the log:", *trouble.tail] if trouble.tail else []
    element.text = _clean("\n".join(lines))


def _repository(name: str) -> str:
    return name.rpartition("/")[0] or "batch"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _clean(text: str) -> str:
    """Without what XML 1.0 has no place for, not even escaped."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
