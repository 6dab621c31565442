# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of batches: what each form holds, that hostile text stays text, and how files are written."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from seeingkit import HOSTILE, NASTY, Kept, played, show, small, task

from abuildpy.batch.document import parse_outcome, report_document
from abuildpy.batch.model import Cycle, Loss, Outcome, Plan, Refusal, Report
from abuildpy.batch.seeing.html import graph_of, html
from abuildpy.batch.seeing.junit import junit
from abuildpy.batch.seeing.markdown import markdown
from abuildpy.batch.seeing.report import ReportError, Reports, write_report
from abuildpy.batch.seeing.runs import Run, Runs
from abuildpy.batch.seeing.timeline import timeline
from abuildpy.batch.seeing.trouble import trouble_of


def report_of(log: str | None = None, *, complete: bool = True) -> Report:
    plan, outcomes = small(log)
    return Report((*plan.settled, *outcomes), plan, 1_790_000_000.0, 15.0, 2, complete)


def hostile_report(tmp_path: Path) -> Report:
    log = tmp_path / "logs/b.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(HOSTILE)
    report = report_of(str(log))
    bad = Outcome(NASTY, "1<2", "failed", "evaluate", error="</script><script>x\x1b[2J\udcff")
    outcomes = [replace(each, error=None) if each.status == "failed" else each for each in report.outcomes]
    return replace(report, outcomes=(*outcomes, bad, Outcome("main/g", "1", "blocked", blocked_by=(NASTY,))))


def refused_report(tmp_path: Path, *held: str) -> Report:
    """The gate is closed, and names in it are hostile."""
    lost = Loss("community/app-1-r0", "community/app", "so:liba.so.1", ("main/a-2-r0",), ("main/a-1-r0",))
    bad = replace(lost, recipe=NASTY, package=NASTY, wanted="so:<b>&|`x`\x1b[2J")
    refusal = Refusal("not published: why", "mend it\nor not", (lost, bad), (lost.recipe, NASTY), held)
    return replace(hostile_report(tmp_path), refusal=refusal)


LOST = "community/app-1-r0 would lose so:liba.so.1: main/a-1-r0 has it, main/a-2-r0 has not"


def test_what_is_not_published_is_in_every_report(tmp_path: Path) -> None:
    report = refused_report(tmp_path, "main/a", "main/e")
    document = json.loads(json.dumps(report_document(report)))
    refused = document["not_published"]
    assert (refused["error"], refused["held"]) == ("not published: why", ["main/a", "main/e"])
    assert refused["rebuild"] == ["community/app", NASTY]
    assert refused["losses"][0] == {
        "package": "community/app-1-r0",
        "recipe": "community/app",
        "wanted": "so:liba.so.1",
        "had_from": ["main/a-1-r0"],
        "taken_by": ["main/a-2-r0"],
        "left_over": False,
    }
    suite = ElementTree.fromstring(junit(report)).findall("testsuite")[-1]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("publishing", "2", "2")
    failure = suite.find("testcase[@name='community/app']/failure")
    assert failure is not None
    assert failure.get("message") == f"not published: why: {LOST}"
    assert failure.text == f"{LOST}\nheld back: main/a main/e\nmend it\nor not"
    page = html(report, (), {}, folder=tmp_path)
    for said in ("Not all is published", LOST, "Held back", '<a href="#main/a">main/a</a>', "mend it<br>or not"):
        assert said in page
    assert "<b>&" not in page
    text = markdown(report)
    assert "### Not all is published" in text
    assert f"| community/app | {LOST} |" in text
    assert "Held back: main/a, main/e" in text
    assert "; 2 held back" in text
    whole = refused_report(tmp_path / "other")
    assert "### Not published" in markdown(whole)
    assert "; not published" in markdown(whole)
    assert "Held back" not in html(whole, (), {}, folder=tmp_path)


def test_that_publishing_failed_is_told_too(tmp_path: Path) -> None:
    report = replace(report_of(), refusal=Refusal("cannot publish to /x: no room"))
    case = ElementTree.fromstring(junit(report)).find(
        ".//testsuite[@name='publishing']/testcase[@name='batch']/failure"
    )
    assert case is not None
    assert case.get("message") == "cannot publish to /x: no room"
    for text in (markdown(report), html(report, (), {}, folder=tmp_path), json.dumps(report_document(report))):
        assert "cannot publish to /x: no room" in text


def test_all_are_written_whatever_ended_it(tmp_path: Path) -> None:
    paths = [tmp_path / f"r.{ending}" for ending in ("json", "xml", "html", "md")]
    paths[3].write_text("old")
    paths[3].chmod(0o600)
    kept = Kept()
    plan, outcomes = small()
    show(Reports([*paths, paths[0]], kept), plan, outcomes[:1], complete=False)
    assert kept.lines == [f"msg Report: {path}" for path in paths]
    assert sorted(os.listdir(tmp_path)) == ["r.html", "r.json", "r.md", "r.xml"]
    assert paths[3].stat().st_mode & 0o777 == 0o600
    document = json.loads(paths[0].read_text())
    assert (document["complete"], document["exit_status"]) == (False, 130)
    assert [each["where"] for each in document["packages"]] == [None, "local-1"]
    assert [parse_outcome(each) for each in document["packages"]] == [plan.settled[0], outcomes[0]]
    assert "interrupted: 6 recipes" in paths[3].read_text()
    assert len(ElementTree.parse(paths[1]).findall(".//skipped[@message='not reached']")) == 4
    assert paths[2].read_text().count(">not reached</span>") == 4


def test_what_cannot_be_written_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(ReportError, match="there is no folder") as error:
        Reports([tmp_path / "none/r.md"], Kept())
    assert error.value.exit_status == 2
    with pytest.raises(ReportError, match="this is a folder"):
        Reports([tmp_path / "folder.md"], Kept())
    Reports([Path("relative.md")], Kept())


def test_one_that_fails_does_not_keep_the_others(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    reports = Reports([tmp_path / "gone/a.md", tmp_path / "b.md"], Kept())
    (tmp_path / "gone").rmdir()
    reports.ended(report_of())
    with pytest.raises(ReportError) as error:
        reports.require_written()
    assert error.value.exit_status == 1
    assert error.value.details == (f"{tmp_path}/gone/a.md: No such file or directory",)
    assert os.listdir(tmp_path) == ["b.md"]
    with pytest.raises(ValueError, match="pdf"):
        write_report(tmp_path / "a.pdf", report_of())


def test_junit(tmp_path: Path) -> None:
    log = tmp_path / "b.log"
    log.write_bytes(b"cc b.c\nb.c:1:2: error: no\nmake: *** [b] Error 1\n")
    report = report_of(str(log))
    tree = ElementTree.fromstring(junit(report))
    suites = tree.findall("testsuite")
    assert [(suite.get("name"), suite.get("package")) for suite in suites] == [("main", "abuildpy.batch")]
    counts = {name: suites[0].get(name) for name in ("tests", "failures", "errors", "skipped", "time", "timestamp")}
    assert counts == {
        "tests": "6",
        "failures": "1",
        "errors": "0",
        "skipped": "3",
        "time": "15.000",
        "timestamp": "2026-09-21T14:13:20",
    }
    failure = suites[0].find("testcase[@name='b']/failure")
    assert failure is not None
    assert failure.get("type") == "compile"
    assert failure.get("message") == "compile: b.c:1: error: no"
    assert ">     2 | b.c:1:2: error: no\n" in (failure.text or "")
    assert (failure.text or "").endswith("end of the log:\ncc b.c\nb.c:1:2: error: no\nmake: *** [b] Error 1")
    assert [each.get("message") for each in suites[0].iter("skipped")] == [
        "skipped: arch",
        "blocked by main/b",
        "blocked by main/b",
    ]


@pytest.mark.parametrize(
    "make", [lambda _: Report(()), hostile_report, refused_report, lambda folder: played(folder, 80, stop_after=200)]
)
def test_junit_is_valid(make: object, tmp_path: Path) -> None:
    """By what both schemas have in common: names, order and number of elements, required attributes, their types."""
    assert callable(make)
    text = junit(make(tmp_path))
    assert not re.search("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    tree = ElementTree.fromstring(text)
    assert tree.tag == "testsuites"
    assert [suite.get("id") for suite in tree] == [str(number) for number in range(len(tree))]
    for suite in tree:
        assert set(suite.keys()) == set("id name package timestamp hostname tests failures errors skipped time".split())
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp") or "")
        assert suite.get("name")
        assert suite.get("hostname")
        tags = [each.tag for each in suite]
        assert tags == ["properties", *["testcase"] * (len(tags) - 3), "system-out", "system-err"]
        assert all(set(each.keys()) == {"name", "value"} and each.get("value") for each in suite[0])
        cases = suite.findall("testcase")
        assert int(suite.get("tests") or "") == len(cases)
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(attribute) or "") == len(suite.findall(f"testcase/{tag}"))
        for case in cases:
            assert set(case.keys()) == {"name", "classname", "time"}
            assert float(case.get("time") or "") >= 0
            assert [each.tag for each in case] in ([], ["failure"], ["error"], ["skipped"])
            assert all({"type", "message"} == set(each.keys()) for each in case if each.tag != "skipped")


def test_markdown(tmp_path: Path) -> None:
    text = markdown(hostile_report(tmp_path))
    assert text.startswith("## ❌ 8 recipes in 15s: 1 built, 1 reused, 2 failed, 3 blocked, 1 skipped\n")
    blocks = re.findall(r"^(`{3,})text\n(.*?)\n\1$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    assert any("fatal error: <zlib.h>" in block for _, block in blocks)
    assert "\x1b" not in text
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", outside)
    assert r"**testing/a" in outside
    assert "| main/b | 2 | main/c, main/d |" in outside
    assert "| main/a | 1.0-r0 | built | 12s | 300 MiB |" in outside


def test_a_fence_is_longer_than_those_inside() -> None:
    report = Report((Outcome("main/a", "1", "failed", "test", error="a ```` b"),))
    assert "`````text\na ```` b\n`````" in markdown(report)


class Document(HTMLParser):
    """Elements with their attributes, and their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._last = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._last = tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._last, data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_html_holds_only_its_own_elements(tmp_path: Path) -> None:
    text = html(hostile_report(tmp_path), [], {}, folder=tmp_path)
    document = Document(text)
    assert len(document.of("script")) == 2
    assert not {"img", "iframe", "link", "object", "i\x1b"} & {tag for tag, _ in document.elements}
    for tag, attributes in document.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")], tag
    assert all((each.get("href") or "").startswith(("#", "./")) for each in document.of("a"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u2028]", text)
    rows = [each["id"] for each in document.of("tr") if "id" in each]
    assert NASTY in rows
    assert f"failed:{NASTY}" in [each.get("id") for each in document.of("article")]
    policy = next(each["content"] or "" for each in document.of("meta") if "http-equiv" in each)
    assert "default-src 'none'" in policy
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_html_tells_what_happened(tmp_path: Path) -> None:
    text = html(hostile_report(tmp_path), [Run("main/a", "w1", 1000, 1012)], {"main/a": "w1"}, folder=tmp_path)
    document = Document(text)
    assert ("p", 'src/main.c:3:10: fatal error: <zlib.h>: No such file or directory "\'</script><script>'
            "document.title='error ran'</script>") in document.texts  # fmt: skip
    assert "./logs/b.log" in [each.get("href") for each in document.of("a")]
    links = [each.get("href") for each in document.of("a")]
    assert links.count("#main/b") >= 3  # from its failure and from both that it blocks
    data = json.loads(
        "".join(text for tag, text in document.texts if tag == "script")
        .partition('\n"use strict"')[0]
        .split('"use strict"')[0]
    )
    assert data["names"][:3] == ["main/a", "main/b", "main/c"]
    assert [data["names"].index("main/b"), data["names"].index("main/a")] in data["edges"]


def test_graph_of_what_was_never_planned() -> None:
    """Of settled recipes only those who block them are known, and the cycles that they are in."""
    settled = (
        Outcome("main/x", "1", "failed", "cycle"),
        Outcome("main/y", "1", "failed", "cycle"),
        Outcome("main/z", "1", "blocked", blocked_by=("main/x",)),
    )
    cycle = Cycle(("main/x", "main/y"), (("main/x", "main/y", "main/x"),), stopped=("main/x", "main/y"))
    graph = graph_of(Report(settled, Plan((task("a"),), settled, (cycle,))))
    edges = [(graph["names"][one], graph["names"][other]) for one, other in graph["edges"]]
    assert sorted(edges) == [("main/x", "main/y"), ("main/y", "main/x"), ("main/z", "main/x")]
    assert graph["statuses"] == ["left", "failed", "failed", "blocked"]


def test_runs_and_timeline() -> None:
    clock = iter((10.0, 12.0, 13.0, 20.0, 30.0))
    runs = Runs(lambda: next(clock))
    a, b = task("a"), task("b")
    runs.started(a, 1, "w10")
    runs.started(b, 1, "w9")
    runs.started(a, 2, "w10")
    runs.finished(a)
    report = Report(
        (Outcome("main/a", "1", "built"), Outcome("main/c", "1", "failed", "test", seconds=5, started=11.0))
    )
    found = runs.all(report)
    assert found == [
        Run("main/a", "w10", 10, 13, 1, False),
        Run("main/c", "1", 11, 16),
        Run("main/b", "w9", 12, 30),
        Run("main/a", "w10", 13, 20, 2),
    ]
    assert runs.where() == {"main/a": "w10", "main/b": "w9"}
    drawn = timeline(found, {outcome.name: outcome for outcome in report.outcomes})
    assert drawn.lanes == ("w9", "w10", "1")
    assert [(bar.name, bar.status, bar.lane, bar.left, bar.width) for bar in drawn.bars] == [
        ("main/a", "again", 1, 0, 15),
        ("main/c", "failed", 2, 5, 25),
        ("main/b", "left", 0, 10, 90),
        ("main/a", "built", 1, 15, 35),
    ]
    assert drawn.ticks[:2] == ((0, "0:00"), (10, "0:02"))
    assert timeline([], {}).bars == ()


def test_what_ran_at_once_in_one_place_gets_rows() -> None:
    drawn = timeline([Run("a", "w", 0, 10), Run("b", "w", 5, 15), Run("c", "w", 10, 12)], {})
    assert drawn.lanes == ("w", "")
    assert [bar.lane for bar in drawn.bars] == [0, 1, 0]


def test_trouble_of_limits_is_not_looked_for_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a.c:1:1: error: not this\nlast words\n")
    outcome = Outcome("main/a", "1", "failed", "timeout", log=str(log))
    assert trouble_of(outcome, tail=1) == trouble_of(replace(outcome, error="it took longer than it may"), tail=1)
    assert trouble_of(outcome, tail=1).tail == ("last words",)
    assert trouble_of(replace(outcome, reason="compile")).text == "a.c:1:1: error: not this"


@pytest.mark.parametrize("log", ["/nowhere", "/", "/dev/zero", "fifo", "nul\0nul"])
def test_logs_that_are_none(log: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    outcome = Outcome("main/a", "1", "failed", "test", log=str(tmp_path / log) if log == "fifo" else log)
    assert trouble_of(outcome, tail=5).text == "check() failed"


def test_a_long_log_gives_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100 + b"\n" + b"line\n" * 100_000 + b"the end")
    tail = trouble_of(Outcome("main/a", "1", "failed", "test", log=str(log)), tail=3).tail
    assert tail == ("line", "line", "the end")


def test_names_do_not_end_the_script_that_holds_them(tmp_path: Path) -> None:
    report = Report((Outcome("main/</script><b>", "1", "failed", "test"),))
    text = html(report, [], {}, folder=tmp_path)
    assert text.count("</script") == 2
    assert not Document(text).of("b")[1:]  # but the number of those that failed


def test_junit_has_no_characters_that_xml_forbids() -> None:
    name = "main/a\x01\udcff\ufffe"
    tree = ElementTree.fromstring(junit(Report((Outcome(name, "1", "blocked", blocked_by=(name,)),))))
    assert [case.get("name") for case in tree.iter("testcase")] == ["a\ufffd\ufffd\ufffd"]
