# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON form of plans and reports."""

from __future__ import annotations

import json

import pytest

from abuildpy.batch.document import outcome_document, parse_outcome, plan_document, report_document
from abuildpy.batch.model import Cycle, Need, Outcome, Plan, Report, Task, Why

NEED = Need("main/b", "b-dev>=2", "b-dev", "makedepends")
PLAN = Plan(
    (
        Task("main/b", "/aports/main/b", "b", "2-r1", "x86_64"),
        Task("main/a", "/aports/main/a", "a", "1-r0", "x86_64", ("a", "a-doc"), (Why("target", "main"),), (NEED,)),
    ),
    settled=(Outcome("main/c", "3-r0", "skipped", "arch"),),
    cycles=(Cycle(("main/a", "main/b"), (("main/a", "main/b", "main/a"),), broken=(("main/b", NEED),)),),
    arch="x86_64",
)
FULL = Outcome(
    "main/a",
    "1-r0",
    "failed",
    "compile",
    seconds=1.5,
    max_rss=1 << 30,
    log="/logs/a",
    apks=("/p/a.apk",),
    error="a.c:1: error",
    attempts=2,
    started=5.0,
    key="abc",
)


def test_a_report_has_what_was_promised() -> None:
    document = json.loads(json.dumps(report_document(Report((FULL,), PLAN, started=4.0, seconds=2.0, jobs=3))))
    package = document["packages"][0]
    promised = {"name", "version", "status", "reason", "blocked_by", "seconds", "max_rss", "log", "apks"}
    assert promised <= package.keys()
    assert (package["name"], package["status"], package["reason"]) == ("main/a", "failed", "compile")
    assert document["summary"] == {"built": 0, "reused": 0, "failed": 1, "blocked": 0, "skipped": 0}
    assert (document["exit_status"], document["jobs"], document["needs"]["main/a"]) == (1, 3, ["main/b"])


@pytest.mark.parametrize("outcome", [FULL, Outcome("main/a", "1-r0", "blocked", blocked_by=("main/b",))])
def test_an_outcome_comes_back_as_it_went(outcome: Outcome) -> None:
    assert parse_outcome(json.loads(json.dumps(outcome_document(outcome)))) == outcome


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"status": "ready"}, "status is none of"),
        ({"reason": "because"}, "reason is none of"),
        ({"reason": None}, "does not go with"),
        ({"status": "built"}, "does not go with"),
        ({"apks": "a.apk"}, "apks is not a list"),
        ({"apks": [1]}, "apks is not a list"),
        ({"name": None}, "name is not a text"),
        ({"seconds": float("nan")}, "seconds is not a number"),
        ({"max_rss": True}, "max_rss is not a number"),
        ({"attempts": 1e300}, "attempts is not a number"),
        ({"status": ["failed"]}, "status is none of"),
    ],
)
def test_what_is_no_outcome_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_outcome({**outcome_document(FULL), **changes})


def test_neither_is_a_list() -> None:
    with pytest.raises(ValueError, match="not an object"):
        parse_outcome([])


def test_a_plan_is_told_whole() -> None:
    document = json.loads(json.dumps(plan_document(PLAN)))
    assert [task["name"] for task in document["tasks"]] == ["main/b", "main/a"]
    assert document["tasks"][1]["needs"][0]["wanted"] == "b-dev>=2"
    assert document["tasks"][1]["why"] == [{"kind": "target", "detail": "main"}]
    assert document["settled"][0]["reason"] == "arch"
    assert document["cycles"][0]["paths"] == [["main/a", "main/b", "main/a"]]
    assert document["cycles"][0]["broken"][0]["name"] == "main/b"
