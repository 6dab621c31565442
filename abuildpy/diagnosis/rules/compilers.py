# SPDX-License-Identifier: GPL-3.0-or-later
"""Compilers, assemblers and linkers that speak as GCC does, and their relatives.

Formats: GNU Coding Standards, "Errors" (``FILE:LINE:COLUMN: MESSAGE``); the manuals of GCC, binutils, Clang, lld, mold.
"""

from __future__ import annotations

from abuildpy.diagnosis.model import Rule
from abuildpy.diagnosis.rules.table import CAUSE, END, LIKELY, PATH, QUOTED, STOP, WEAK, rule

_DRIVER = (
    r"(?:\S*/)?(?:[\w.+]+-)*(?:gcc|g\+\+|cc|c\+\+|cpp|clang(?:\+\+)?|cc1(?:plus|obj|objplus)?|lto1|"
    r"lto-wrapper|f951|gfortran|"
    r"collect2|gnat1|gdc|ldc2|dmd|cc1gm2)(?:-[\d.]+)?"
)
_LD = r"(?:\s+(?:= note: )?|\s*)(?:\S*/)?(?:[\w.]+-)*(?:ld(?:\.\w+)?|lld|mold|wild)"
_PLACE = rf"(?:\s{{0,8}}(?:Error: |ERROR: |\[\w+\] )?)(?P<file>{PATH}):(?P<line>\d+)(?::\d+)?(?:-\d+)?"
_PROBE = (
    r"(?:.*/)?(?:conftest|testCCompiler|testCXXCompiler|CheckFunctionExists|CheckSymbolExists|_configtest|"
    r"testfile)\.\w+|<stdin>|.*CMakeScratch.*|.*CMakeTmp.*"
)

_ERROR_WORDS = (
    "fehler",
    "erreur",
    "errore",
    "erro:",
    "eroare",
    "fout:",
    "fel:",
    "fejl:",
    "feil:",
    "virhe:",
    "hata:",
    "hiba:",
    "chyba:",
    "błąd",
    "greška",
    "грешка",
    "ошибка",
    "помилка",
    "памылка",
    "σφάλμα",
    "lỗi",
    "错误",
    "錯誤",
    "エラー",
    "오류",
)
"""How GCC, as and ld say "error" in the languages they were translated into."""


def _localised() -> tuple[Rule, ...]:
    """Messages in another language than English: ``FILE:LINE:COLUMN: WORD: …``, as GNU's catalogues have them."""
    rules: list[Rule] = []
    for word in _ERROR_WORDS:
        said = rf"[^:：\n]{{0,40}}{word.rstrip(':')}[^:：\n]{{0,20}}[:：]\s*"
        rules += (
            rule("link-error", END, "ld", word, rf"(?:\S*/)?collect2: {said}", ignore_case=True),
            rule(
                "missing-header",
                CAUSE,
                "cc",
                word,
                rf"{_PLACE}: {said}(?P<name>[\w./+-]+\.(?:h|hh|hpp|hxx|inc))\s?: ",
                ignore_case=True,
            ),
            rule("compile-error", CAUSE, "cc", word, rf"{_PLACE}: {said}", ignore_case=True),
            rule("compile-error", CAUSE, "cc", word, rf"{_DRIVER}: {said}", ignore_case=True),
            rule("link-error", CAUSE, "ld", word, rf"{_LD}: {said}", ignore_case=True),
        )
    return tuple(rules)


RULES = (
    # what configure scripts try and expect to fail
    rule("compile-error", WEAK, "cc", "error", rf"(?:{_PROBE}):\d+(?::\d+)?: (?:fatal )?error:"),
    # memory and crashes of the compiler itself
    rule("out-of-memory", CAUSE, "cc", "killed", rf"{_DRIVER}: (?:fatal |internal compiler )?error: Killed"),
    rule("out-of-memory", CAUSE, "cc", "memory", rf"{_DRIVER}: .*(?:out of memory|[Cc]annot allocate memory)"),
    rule(
        "compiler-crash", CAUSE, "cc", "internal compiler error", rf"(?:{_PLACE}: |{_DRIVER}: )?internal compiler error"
    ),
    rule("compiler-crash", CAUSE, "cc", "submit a bug report", r"PLEASE submit a bug report to http"),
    # linkers
    rule("link-error", END, "ld", "error: ld returned", r".*collect2: (?:fatal )?error: ld returned"),
    rule("link-error", END, "ld", "linker command failed", rf"{_DRIVER}: error: linker command failed"),
    rule("link-error", END, "ld", "final link failed", rf"{_LD}: final link failed: (?!No space)"),
    rule("link-error", END, "ld", "fatal error", r"lto-wrapper: fatal error: .* returned \d+ exit status"),
    rule("missing-library", CAUSE, "ld", "cannot find -l", rf"{_LD}: (?:error: )?cannot find -l(?P<name>[^\s:]+)"),
    rule(
        "missing-library",
        CAUSE,
        "ld",
        "unable to find library",
        rf"{_LD}: error: unable to find library -l(?P<name>\S+)",
    ),
    rule(
        "missing-library",
        CAUSE,
        "ld",
        "library not found",
        r"(?:mold|ld): (?:error|fatal): library not found: (?P<name>\S+)",
    ),
    rule("missing-file", CAUSE, "ld", "cannot find", rf"{_LD}: cannot find {QUOTED}(?::|$)"),
    rule(
        "undefined-reference",
        CAUSE,
        "ld",
        "undefined reference to",
        rf".*undefined reference to (?:symbol )?{QUOTED}(?:$|\s)",
    ),
    rule(
        "undefined-reference", CAUSE, "ld", "undefined symbol", rf"{_LD}: (?:error: )?.*undefined symbol: (?P<name>.+)"
    ),
    rule("multiple-definition", CAUSE, "ld", "multiple definition", rf".*multiple definition of {QUOTED}[;:\s]"),
    rule("multiple-definition", CAUSE, "ld", "duplicate symbol", rf"{_LD}: error: duplicate symbol: (?P<name>.+)"),
    rule(
        "link-error",
        CAUSE,
        "ld",
        "relocation",
        rf"{_LD}: (?!.*warning: ).*relocation .*(?:against|recompile|cannot be used|out of range)",
    ),
    rule("link-error", CAUSE, "ld", "relocation", r".*relocation truncated to fit"),
    rule("link-error", CAUSE, "ld", "relocation", rf"{_LD}: (?:error: )?read-only segment has dynamic relocations"),
    rule("link-error", CAUSE, "ld", "error in version script", rf"{_LD}: .*syntax error in VERSION script"),
    rule("link-error", CAUSE, "ld", "dso missing", rf"{_LD}: .*DSO missing from command line"),
    rule(
        "link-error",
        CAUSE,
        "ld",
        "recognized",
        rf"{_LD}: .*(?:file not recognized|file format not recognized|unrecognized option)",
    ),
    rule("link-error", CAUSE, "ld", "recognized", r"(?P<file>\S+\.(?:l?o|a|so)): file (?:format )?not recognized"),
    rule("link-error", CAUSE, "ld", "hidden symbol", rf"{_LD}: .*hidden symbol"),
    rule("link-error", CAUSE, "ld", "incompatible with", rf"{_LD}: .*is incompatible with .* output"),
    rule("link-error", CAUSE, "ld", "error: ", rf"{_LD}: (?:fatal )?error: (?P<name>)"),
    rule("link-error", CAUSE, "ld", "undefined symbols for", r"Undefined symbols for architecture"),
    # compilers
    rule(
        "warnings-are-errors",
        END,
        "cc",
        "being treated as errors",
        r".*: (?:error: )?(?:all|some) warnings being treated as errors",
    ),
    rule(
        "missing-header",
        CAUSE,
        "cc",
        "fatal error",
        rf"{_PLACE}: fatal error: '?(?P<name>[^\s':]+)'?(?:: No such file or directory| file not found)",
    ),
    rule("missing-header", CAUSE, "cc", "could not open", rf"{_PLACE}: fatal error: (?P<name>\S+): .*could not open"),
    rule("disk-full", CAUSE, "cc", "no space left", r".*No space left on device"),
    rule(
        "missing-module", CAUSE, "cc", "cannot open module file", r".*[Cc]annot open module file ['‘](?P<name>[^'’]+)"
    ),
    rule("compile-error", CAUSE, "cc", "error:", rf"{_PLACE}: (?:fatal )?(?:syntax |internal )?error:"),
    rule("compile-error", CAUSE, "cc", "error ", rf"{_PLACE}: (?:fatal )?error (?:[A-Z]+\d+)?: "),
    rule("compile-error", CAUSE, "as", "can't create", r"Fatal error: can't create "),
    rule("compile-error", CAUSE, "as", "error: ", rf"{_PLACE}: (?:Fatal )?(?:Error|ERROR): "),
    rule(
        "compile-error",
        CAUSE,
        "vala",
        "error: ",
        rf"(?P<file>{PATH}):(?P<line>\d+)\.\d+(?:-\d+(?:\.\d+)?)?: (?:fatal )?error: ",
    ),
    rule(
        "compile-error",
        CAUSE,
        "cc",
        "error",
        r"(?P<file>[^\s()]+)\((?P<line>\d+)(?:,\s?\d+)*\):? ?(?:fatal )?[Ee]rror(?: [A-Z]+\d+)?: ",
    ),
    rule("compile-error", CAUSE, "ts", "error ts", r"(?P<file>[^\s:]+):(?P<line>\d+):\d+ - error TS\d+: "),
    rule("compile-error", CAUSE, "cc", "error: ", rf"{_DRIVER}: (?:fatal )?error: (?P<name>)"),
    rule(
        "compile-error",
        CAUSE,
        "as",
        "error: ",
        r"(?:\S*/)?(?:[\w.]+-)*(?:as|nasm|yasm|ar|ranlib|strip|objcopy|windres|nvcc|glslc|glslang\w*|"
        r"dxc): (?:fatal )?(?:[Ee]rror|ERROR):? ",
    ),
    rule(
        "compile-error",
        LIKELY,
        "as",
        "no such file",
        r"(?:\S*/)?(?:[\w.]+-)*(?:ar|ranlib|strip|objcopy|nm): .*(?:No such file|not recognized)",
    ),
    rule(
        "compile-error",
        LIKELY,
        "as",
        "recogni",
        r"(?:\S*/)?(?:[\w.]+-)*(?:ar|ranlib|strip|objcopy|nm): .*(?:not recognized|[Uu]nable to recogni[sz]e)",
    ),
    rule(
        "compile-error",
        WEAK,
        "cc",
        "error: ",
        r".*[\s:](?P<file>[\w./+-]+\.(?:c|cc|cpp|cxx|h|hh|hpp|m|mm|f90|S)):(?P<line>\d+):\d+: (?:fatal )?error: ",
    ),
    rule(
        "missing-vala-package", STOP, "vala", "error: package", rf"error: Package {QUOTED} not found in specified Vala"
    ),
    rule("compile-error", CAUSE, "gir", "couldn't find include", rf"Couldn't find include {QUOTED}"),
    # the same in other languages
    rule(
        "missing-header",
        CAUSE,
        "cc",
        "error fatal",
        rf"{_PLACE}: error fatal: (?P<name>[\w./+-]+\.(?:h|hh|hpp|hxx|inc))\s?: ",
    ),
    rule("compile-error", CAUSE, "cc", "error fatal", rf"{_PLACE}: error fatal: "),
    rule(
        "undefined-reference",
        CAUSE,
        "ld",
        "undefinierter verweis",
        r".*undefinierter Verweis auf [»„`](?P<name>[^«“'\n]+)",
    ),
    rule("undefined-reference", CAUSE, "ld", "indéfinie vers", r".*référence indéfinie vers «\s*(?P<name>[^»\n]+)»"),
    rule(
        "undefined-reference",
        CAUSE,
        "ld",
        "неопределённая ссылка",
        r".*неопределённая ссылка на [«`](?P<name>[^»'\n]+)",
    ),
    rule("undefined-reference", CAUSE, "ld", "sin definir", r".*referencia a [«`](?P<name>[^»'\n]+)[»'] sin definir"),
    rule("undefined-reference", CAUSE, "ld", "未定义的引用", r".*对[‘“`'](?P<name>[^’”'\n]+)[’”']未定义的引用"),
    *_localised(),
)
