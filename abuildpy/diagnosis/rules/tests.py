# SPDX-License-Identifier: GPL-3.0-or-later
"""Test runners: which line says that a test failed. What they say when all is over is only a consequence.

Formats: automake's parallel harness, TAP 13/14, ``meson test``, ctest, pytest, unittest, ``go test``, ``cargo test``, prove,
bats, and what test runners of other languages print.
"""

from __future__ import annotations

from abuildpy.diagnosis.rules.table import END, TEST, rule

_NAMED_TEST = (
    r"(?!FAIL \S+ in \d|\d+ (?:problem|error|warning|test|failed|of )|(?:[Ff]ailing|[Ff]ailed) tests|"
    r"\[ERROR\]|Validation |[Bb]uild )(?:\[fail\]: )?\S(?!.*# (?:TODO|SKIP))[^:]*$"
)
"""What stands behind a mark of failure, if that is a test's name and no count or message."""

RULES = (
    # summaries, which name no test or come when all is over
    rule("test-failed", END, "automake", "# fail:", r"# (?:FAIL|ERROR|XPASS): +\d+"),
    rule("test-failed", END, "automake", "failed", r"\d+ of \d+ (?:tests? )?failed"),
    rule("test-failed", END, "automake", "test-suite.log", r"See \S*test-suite\.log"),
    rule("test-failed", END, "ctest", "the following tests failed", r"The following tests FAILED:"),
    rule("test-failed", END, "ctest", "errors while running ctest", r"Errors while running CTest"),
    rule("test-failed", END, "ctest", "failed out of", r"\d+% tests passed, [1-9]\d* tests? failed"),
    rule("test-failed", END, "meson", "summary of failures", r"Summary of Failures:"),
    rule("test-failed", END, "meson", "fail:", r"(?:Fail|Timeout|Unexpected Pass): +[1-9]\d*"),
    rule(
        "test-failed",
        END,
        "pytest",
        "failed",
        r"=+ .*\d+ (?:failed|errors?)\b.* in [\d.]+.*=+|\d+ failed(?:, \d+ \w+)* in [\d.]+s",
    ),
    rule("test-failed", END, "pytest", "error", r"!+ (?:Interrupted|stopping)"),
    rule("test-failed", END, "unittest", "failed (", r"FAILED \((?:failures|errors)="),
    rule("test-failed", END, "go-test", "fail", r"FAIL(?:\t\S+(?:\t| ).*)?$"),
    rule("test-failed", END, "cargo-test", "test result: failed", r"test result: FAILED"),
    rule("test-failed", END, "prove", "result: fail", r"Result: FAIL"),
    rule("test-failed", END, "prove", "failed", r"Failed \d+/\d+ (?:test programs|subtests)"),
    rule("test-failed", END, "tap", "looks like you failed", r"# Looks like you (?:failed|planned)"),
    rule("test-failed", END, "jest", "failed", r"Tests: +.*\d+ failed"),
    rule("test-failed", END, "mocha", "failing", r"\s+\d+ failing$"),
    rule("test-failed", END, "junit", "there are test failures", r".*There are test failures"),
    rule("test-failed", END, "gtest", "failed test", r"\s*\d+ FAILED TESTS?"),
    rule("test-failed", END, "phpunit", "failures: ", r"Tests: \d+, Assertions: \d+, "),
    rule("test-failed", END, "phpunit", "failure", r"There (?:was|were) \d+ (?:failure|error)s?:|FAILURES!$"),
    rule("test-failed", END, "junit", "<<< ", r"(?:\[ERROR\] +)?Tests run: .*<<< (?:FAILURE|ERROR)!"),
    # verdicts
    rule("test-failed", TEST, "phpunit", "::test", r"\d+\) (?P<name>[\w\\]+::test\w+.*)"),
    rule("test-failed", TEST, "busted", "failure ", r"Failure (?:→|->) (?P<name>\S.*)"),
    rule("test-failed", TEST, "busted", "error ", r"Error (?:→|->) (?P<name>\S.*)"),
    rule("unittest-verdict", TEST, "unittest", "error: ", r"(?:ERROR): (?P<name>\w+ \(.+\))$"),
    rule("unittest-verdict", TEST, "unittest", "fail: ", r"(?:FAIL): (?P<name>\w+ \(.+\))"),
    rule("test-failed", TEST, "automake", "fail: ", r"(?:FAIL|XPASS): (?P<name>\S+(?: \d+)?(?: - .*)?)(?: \(.*\))?$"),
    rule(
        "test-failed",
        TEST,
        "automake",
        "error: ",
        r"ERROR: (?P<name>\S+)(?: - (?:missing test plan|Bail out!|exited|too (?:few|many)).*| \(.*\))?$",
    ),
    rule(
        "test-failed",
        TEST,
        "ctest",
        "***",
        r"\s*\d+/\d+ Test +#\d+: (?P<name>\S+) \.*\s*"
        r"\*\*\*(?!Not Run \(Disabled\)|Skipped)(?P<how>\S.*)",
    ),
    rule("missing-program", TEST, "ctest", "could not find executable", r"Could not find executable (?P<name>\S+)"),
    rule("test-failed", TEST, "meson", " fail ", r"\s*\d+/\d+ (?P<name>.+?) +(?:FAIL|ERROR) +\d+\.\d+ ?s"),
    rule("test-failed", TEST, "meson", " error ", r"\s*\d+/\d+ (?P<name>.+?) +ERROR +\d+\.\d+ ?s"),
    rule("test-timeout", TEST, "meson", "timeout", r"\s*\d+/\d+ (?P<name>.+?) +TIMEOUT +\d+\.\d+ ?s"),
    rule("pytest-detail", TEST, "pytest", "e   ", r"E   +(?P<name>\S.*)"),
    rule("pytest-verdict", TEST, "pytest", "failed", r"(?:FAILED|ERROR) (?P<name>\S+\.py(?:::\S+)?)(?: - .*)?$"),
    rule("pytest-progress", TEST, "pytest", "failed", r"(?P<name>\S+\.py::\S.*?) (?:FAILED|ERROR)(?: +\[ *\d+%\])?$"),
    rule("pytest-verdict", TEST, "pytest", "error ", r"ERROR (?P<name>\S+\.py(?:::\S+)?)(?: - .*)?$"),
    rule("pytest-usage", TEST, "pytest", "error: ", r"(?:\S*pytest(?:\.py)?|__main__\.py): error: "),
    rule("test-failed", TEST, "go-test", "--- fail", r"\s*--- FAIL: (?P<name>\S+)"),
    rule("test-failed", TEST, "cargo-test", "failed", r"test (?P<name>\S.*?) (?:- should panic )?\.\.\. FAILED"),
    rule(
        "test-failed",
        TEST,
        "nextest",
        "fail [",
        r"\s+(?:FAIL|SIGSEGV|SIGABRT|TIMEOUT) \[ *[\d.]+s\] (?:\( *\d+/\d+\) )?(?P<name>\S.*)",
    ),
    rule(
        "test-failed",
        TEST,
        "tap",
        "not ok",
        r"\s*not ok(?: \d+)?(?:\s+-)?\s*(?P<name>(?!.*# (?:TODO|SKIP))[^#]*)(?!.*#\s*(?:TODO|SKIP|todo|skip))",
    ),
    rule("test-failed", TEST, "tap", "bail out!", r"Bail out!\s*(?P<name>.*)"),
    rule("test-failed", TEST, "tap", "failed test", r"\s*#\s+Failed test (?P<name>.*)"),
    rule(
        "test-failed",
        TEST,
        "prove",
        "failed",
        r"(?P<name>\S+\.t) \.+\s*(?:Failed|Dubious)|(?P<name2>\S+\.t) (?:\.+ )?\(?Wstat",
    ),
    rule("test-failed", TEST, "prove", "dubious", r"(?P<name>\S+\.t) \.+\s*Dubious"),
    rule("test-failed", TEST, "bats", "✗ ", r"\s*✗ (?P<name>.*)"),
    rule(
        "test-failed",
        TEST,
        "gtest",
        "[  failed",
        r"\[ +(?:FAILED|ERROR|FAILURE) +\] (?P<name>(?!\d+ \w+, listed below)\S.*?)(?:, where .*)?(?: \([\d.]+ ms\))?$",
    ),
    rule(
        "test-failed",
        TEST,
        "gtest",
        "[  error",
        r"\[ +ERROR +\] (?P<name>(?!\d+ \w+, listed below)\S.*?)(?: \([\d.]+ ms\))?$",
    ),
    rule("test-failed", TEST, "gtest", "failure", r"(?P<file>[^\s:]+):(?P<line>\d+): Failure$"),
    rule("test-failed", TEST, "catch2", "failed:", r"(?P<file>[^\s:]+):(?P<line>\d+): FAILED:"),
    rule(
        "test-failed",
        TEST,
        "glib",
        "error:",
        r"(?:not ok .*|.*)\bERROR:(?P<file>[^\s:]+):(?P<line>\d+):(?P<name>\w+): assertion failed",
    ),
    rule("test-failed", TEST, "qtest", "fail!", r"FAIL!  : (?P<name>\S+)"),
    rule("test-failed", TEST, "doctest", "failed example", r"\s*Failed example:$"),
    rule("jest-verdict", TEST, "jest", "fail ", r"\s*FAIL +(?P<name>\S+\.(?:[cm]?[jt]sx?)\b.*)"),
    rule("test-failed", TEST, "jest", "●", r"\s+● (?!Console$)(?P<name>\S.*)"),
    rule("test-failed", TEST, "mocha", "  1) ", r"  +1\) (?P<name>(?!Skipped:$)\S.*)"),
    rule(
        "test-failed",
        TEST,
        "junit",
        "<<< ",
        r"(?:\[ERROR\] +)?(?P<name>\S+.*?) +Time elapsed: .*<<< (?:FAILURE|ERROR)!",
    ),
    rule("test-failed", TEST, "rspec", "failure/error", r"\s+Failure/Error: (?P<name>.*)"),
    rule("test-failed", TEST, "minitest", "failure:", r"\s*(?:\d+\) )?(?:Failure|Error):$"),
    rule("test-failed", TEST, "ginkgo", "[fail]", r".*\[(?:FAIL|FAILED)\] (?P<name>.*)"),
    rule("test-failed", TEST, "tcltest", "failed", r"==== (?P<name>\S+) .*FAILED$"),
    rule("test-failed", TEST, "dejagnu", "fail: ", r"FAIL: (?P<name>.*)$"),
    rule(
        "test-failed",
        TEST,
        "shell",
        "fail",
        r"(?:[Tt]est )?(?!BUILD|Build|build)(?P<name>[\w./-]+)(?: ?\.{2,} ?|:? +)(?:FAILED|FAIL)(?:[!.]| \(.*\))?$",
    ),
    rule("test-failed", TEST, "shell", "fail", r"(?:\[ ?FAIL(?:ED)? ?\]|FAIL(?:ED)?) +(?P<name>[\w./-]+)$"),
    *(
        rule("test-failed", TEST, "test-unit", needle, r"(?:Failure|Error): (?P<name>test\w*\(\w+\))")
        for needle in ("failure: ", "error: test")
    ),
    rule("test-failed", TEST, "cppunit", ") test: ", r"\d+\) test: (?P<name>\S+) \([FE]\)"),
    rule("test-failed", TEST, "ert", "backtrace:", r"Test (?P<name>\S+) backtrace:$"),
    rule("test-failed", TEST, "ert", "failed", r" +FAILED +\d+/\d+ +(?P<name>\S+)"),
    rule("test-failed", TEST, "eunit", "failed", r" +(?P<name>[\w:]+(?:\.erl:\d+: \w+)?.*)\.\.\.\*failed\*"),
    rule("test-failed", TEST, "nim", "failed", r"\s+\S+\.nim\(\d+, \d+\): Check failed: (?P<name>.*)"),
    *(
        rule("marked-test", TEST, "marked", f"{mark} ", rf"\s*{mark} +(?P<name>{_NAMED_TEST})")
        for mark in ("✘", "✖", "×", "✕")
    ),
    rule("test-failed", TEST, "busybox", "fail: ", r"FAIL: "),
    rule("test-failed", TEST, "scalatest", "*** failed", r"(?:\[\w+\] )?\s*- (?P<name>\S.*?) \*\*\* FAILED \*\*\*"),
    rule("test-failed", TEST, "gradle-test", "failed", r"(?P<name>[A-Za-z_][\w.$]* > \S.*?) FAILED$"),
    rule("test-failed", TEST, "dotnet", "failed ", r"\s+Failed (?P<name>\S.*?) \[[<\d. ]+m?s\]$"),
    rule("test-failed", TEST, "zig", "fail (", r"(?:\d+/\d+ .*\.\.\.)?FAIL \((?P<name>\w+)\)$"),
    rule(
        "test-failed",
        TEST,
        "criterion",
        "assertion failed",
        r"\[-+\] (?P<file>[^\s:]+):(?P<line>\d+): Assertion Failed",
    ),
    rule("test-failed", TEST, "tasty", "fail", r"\s+(?P<name>[^\s:][^:]*): +FAIL(?: \([\d.]+s\))?$"),
    rule("test-failed", TEST, "robot", "| fail |", r"(?P<name>\S.*?) +\| FAIL \|$"),
)
