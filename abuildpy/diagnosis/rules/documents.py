# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes documentation, translations, schemas and grammars: xsltproc, docutils, makeinfo, msgfmt, protoc, bison, flex."""

from __future__ import annotations

from abuildpy.diagnosis.rules.table import CAUSE, END, LIKELY, rule

RULES = (
    rule(
        "network",
        CAUSE,
        "xml",
        "error : attempt to load",
        r"(?:.*: )?(?:I/O error|error) : Attempt to load network entity (?P<name>\S+)",
    ),
    rule(
        "network",
        CAUSE,
        "xml",
        "failed to load external",
        r"(?:.*: )?(?:warning: )?failed to load external entity \"(?P<name>https?://[^\"]+)\"",
    ),
    rule("xml-error", CAUSE, "xml", "parser error", r"(?P<file>[^\s:]+):(?P<line>\d+): parser error : "),
    rule(
        "xml-error", CAUSE, "xml", "error on line", r"(?P<file>[^\s:]+):(?P<line>\d+):\d+ +Error on line \d+ char \d+: "
    ),
    rule(
        "xml-error", CAUSE, "xml", "xinclude error", r"(?P<file>[^\s:]+):(?P<line>\d+): element \w+: XInclude error : "
    ),
    rule("translation-error", LIKELY, "gettext", "cannot", r"(?:\S*/)?(?:msgfmt|msgmerge|xgettext): .*cannot "),
    rule("doc-error", LIKELY, "mandoc", "error: ", r"(?:\S*/)?mandoc: (?P<file>[^\s:]+):(?P<line>\d+):\d+: ERROR: "),
    rule("doc-error", LIKELY, "help2man", "can't get", r"(?:\S*/)?help2man: can't get "),
    rule("doc-error", CAUSE, "asciidoctor", "asciidoctor: failed", r"(?:\S*/)?asciidoctor: FAILED: "),
    rule("doc-error", LIKELY, "asciidoctor", "asciidoctor: error", r"(?:\S*/)?asciidoctor: ERROR: "),
    rule("doc-error", CAUSE, "docutils", "(severe/", r"(?P<file>[^\s:]+):(?P<line>\d+): \(SEVERE/\d\) "),
    rule("doc-error", LIKELY, "docutils", "(error/", r"(?P<file>[^\s:]+):(?P<line>\d+): \(ERROR/\d\) "),
    rule("doc-error", CAUSE, "texinfo", ".texinfo:", r"(?P<file>\S+\.texinfo):(?P<line>\d+): (?!warning)"),
    rule("doc-error", CAUSE, "texinfo", ".texi:", r"(?P<file>\S+\.te?xi(?:nfo)?):(?P<line>\d+): (?!warning)"),
    rule("doc-error", CAUSE, "latex", "latex error", r"! LaTeX Error: "),
    rule("translation-error", CAUSE, "gettext", ".po:", r"(?P<file>\S+\.pot?):(?P<line>\d+):(?:\d+:)? (?!warning|…)"),
    rule("translation-error", END, "gettext", "fatal error", r"\S*msgfmt: found \d+ fatal errors?"),
    rule("protobuf-error", CAUSE, "protobuf", ".proto:", r"(?P<file>\S+\.proto):(?P<line>\d+):\d+: (?!warning)"),
    rule("missing-program", CAUSE, "protobuf", "program not found", r"(?P<name>protoc-gen-\S+): program not found"),
    rule(
        "grammar-error",
        CAUSE,
        "bison",
        "error",
        r"(?P<file>\S+\.(?:y|yy|ypp|l|ll)):(?P<line>\d+)[.\d-]*: (?:fatal )?error",
    ),
    rule("grammar-error", CAUSE, "flex", ".l:", r"(?P<file>\S+\.l):(?P<line>\d+): (?![Ww]arning)"),
    rule("grammar-error", CAUSE, "flex", ".ll:", r"(?P<file>\S+\.ll):(?P<line>\d+): (?![Ww]arning)"),
    rule("grammar-error", CAUSE, "flex", "fatal internal error", r"(?:\S*/)?flex: fatal internal error"),
)
