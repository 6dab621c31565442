# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evaluation depends on besides the recipe's text and variables: nothing, some files, or what nobody can tell.

For a plain recipe (``plain.py``) only loops over file names matter. For any other the trace that ``set -x`` printed is
judged, one command at a time: assignments, tests of strings, and programs that do nothing but change text are fine; a
file that is sourced or tested for is one more file to watch; what asks for more, the time, or the machine is too much.
"""

from __future__ import annotations

import os
import re
from types import MappingProxyType

from abuildpy.errors import RecipeError
from abuildpy.recipe.plain import outside_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_ENTRY = re.compile(rb"\++ABUILDPY:[0-9]+: ((?:[^'\"\n]|'[^']*'|\"[^\"]*\")*)\n")
_WORDS = re.compile(rb"(?:[^'\"\s]|'[^']*'|\"[^\"]*\")+")
_PIECES = re.compile(rb"'[^']*'|\"[^\"]*\"|[^'\"]+")
_ASSIGNMENT = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*=")
_CHANGING = re.compile(
    rb"\$\{?[$!]|\$\{?_(?![A-Za-z0-9_])|(?<![A-Za-z0-9_])(?:RANDOM|PPID|SECONDS|EPOCH[A-Z]*|LINENO|OLDPWD|SHLVL|HOME|HOSTNAME"
    rb"|OPTIND|PS4|xtrace)(?![A-Za-z0-9_])|[\s=:-]~(?:[/\s;}]|$)"
)
"""What differs from shell to shell, or hides what is done."""
_REDIRECTED = re.compile(rb"(?<![^\s;&|(){}])[2-9]>|[<>]&|&>|>\(")
"""Commands whose trace may go elsewhere."""
_LOOP = re.compile(rb"\bfor[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]+in\b([^\n;]*)")
_NAMED = re.compile(rb"[A-Za-z0-9_.]|--.")
_NAME = re.compile(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_PATTERN = re.compile(rb"[*?\[]")
_SUBSTITUTION = re.compile(rb"`|\$\(")
_NO_FILE_NAMES = re.compile(
    rb"'[^']*'|\"[^\"\\`$]*(?:(?:\\.|\$(?!\())[^\"\\`$]*)*\""
    rb"|\"[^\"\\$]*(?:(?:\\.|\$(?!\()|\$\([^()\"']*(?:(?:\"[^\"]*\"|'[^']*')[^()\"']*)*\))[^\"\\$]*)*\""
    rb"|\".*|\\.|(?<!\S)#[^\n]*|\$\{[^{}]*\}|\$[*?#@]|\$\(\([^()]*\)\)"
    rb"|(?<!\S)\[(?=\s)|\bfor[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]+in\b[^\n;]*",
    re.DOTALL,
)
_SUMS = re.compile(rb"^sha512sums=\"[^\"\\`$]*\"$", re.MULTILINE)
"""Long, and nothing in it matters."""
_SPLIT_TEST = re.compile(rb"(?<!\S)(?:\[|test)[ \t](?:[^\n\]\"'$]|\"[^\"]*\"|'[^']*')*(\$[^\n]*)")
_CASE_PATTERN = re.compile(rb"(?:^|\bin[ \t]|;;)[ \t]*\(?[^()\s|]+(?:[ \t]*\|[ \t]*[^()\s|]+)*[ \t]*\)", re.MULTILINE)
_VALUE = re.compile(rb"(?<![^\s;&|(])[A-Za-z_][A-Za-z0-9_]*=[^\s`$()]*")
_MOST = 1 << 20
"""Bytes: longer texts and traces are not judged."""
_FILE_TESTS = frozenset(b"-b -c -d -e -f -p -S -s".split())
_OTHER_TEST = re.compile(rb"-(?:[gGhkLNOrtuwx]|nt|ot|ef)")
_ELSEWHERE = ("/proc", "/sys", "/dev")
_LISTING = frozenset(b"set export readonly local".split())
"""Commands that tell of all variables if they are given none."""
_HARMLESS = frozenset(
    b"export local unset return shift : true false echo printf eval readonly continue break exit set "
    b"list_has deplist_has options_has subpackages_has subpackage_types_has depends_has makedepends_has "
    b"arch_to_hostspec arch_to_triplet hostspec_to_arch triplet_to_arch error warning msg die".split()
)
_FILTERS = {
    b"tr": 2,
    b"cut": 0,
    b"sed": 1,
    b"head": 0,
    b"tail": 0,
    b"sort": 0,
    b"uniq": 0,
    b"rev": 0,
    b"seq": 3,
    b"expr": 99,
    b"basename": 2,
    b"dirname": 1,
}
"""Programs that only change text, and how many words besides options make them read no file."""
_FILTER_OPTION = re.compile(rb"-(?:[0-9]+|[ncdsurEe]+|[ncdfb][0-9,-]+|f|d.|-)")
_LONGEST_SCRIPT = 200
_INPUT = re.compile(rb"(?<!<)<(?![<&])")
"""A file is opened, which may be there or not."""
NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})
_SED_SCRIPT = re.compile(rb"(?:(?:s|y)(.)(?:(?!\1).)*\1(?:(?!\1).)*\1[gpI0-9]*;?|[0-9$]*[pqd];?)+")


def loops_depend_on(
    words: bytes,
    folder: str,
    variables: Mapping[str, str | None],
    before: Mapping[str, str],
    meanwhile: Mapping[str, Collection[str]] = NOTHING,
) -> tuple[str, ...] | None:
    """The folders whose names the words may stand for that loops go over; None if nobody can tell.

    ``folder`` is the recipe's, ``variables`` are those that it changed, ``before`` those that it found, ``meanwhile`` other
    values that they had.
    """
    if _SUBSTITUTION.search(words):
        return None
    values = [words.decode("utf-8", "surrogateescape")]
    for match in _NAME.finditer(words):
        name = match[1].decode()
        values += (variables.get(name) or "", before.get(name) or "", *meanwhile.get(name, ()))
    folders = set()
    for word in " ".join(values).split():
        if not any(sign in word for sign in "*?["):
            continue
        place, _, last = word.rpartition("/")
        if any(sign in place for sign in "*?[$'\"\\") or any(sign in last for sign in "$'\"\\"):
            return None
        folders.add(os.path.normpath(os.path.join(folder, place)))
    return tuple(sorted(folders))


def depends_on(
    path: str,
    text: bytes,
    trace: bytes,
    functions: Collection[str],
    variables: Mapping[str, str | None],
    before: Mapping[str, str],
) -> tuple[tuple[str, ...], bytes] | None:
    """The files that the evaluation of a traced recipe depends on, and the text that it sourced or evaluated.

    ``path`` is the APKBUILD, ``text`` what is in it, ``functions`` are those that it defines, ``variables`` what it changed
    (empty where it failed). The first line of the trace tells that the recipe is read. None: it depends on more.
    """
    at = trace.find(b"\n") + 1
    if b": . " not in trace[:at] or len(text) > _MOST or len(trace) > _MOST:
        return None
    folder = os.path.dirname(path)
    own = {name.encode("utf-8", "surrogateescape") for name in functions}
    files: list[str] = []
    sourced: list[bytes] = []
    evaluated: list[bytes] = []
    meanwhile: dict[str, set[str]] = {}
    splits = filters = False
    called: set[bytes] = set()
    everything = text
    while at < len(trace):
        entry = _ENTRY.match(trace, at)
        if entry is None:
            return None
        at = entry.end()
        words = [_plain(word) for word in _WORDS.findall(entry[1])]
        for word in words:
            if _ASSIGNMENT.match(word) and _PATTERN.search(word):
                variable, _, value = os.fsdecode(word).partition("=")
                meanwhile.setdefault(variable, set()).add(value)
        while words and _ASSIGNMENT.match(words[0]):
            del words[0]
        name = words[0] if words else b":"
        if name in (b"[", b"test"):
            tested = _tested(words)
            if tested is None:
                return None
            files += [_below(folder, file) for file in tested]
        elif name == b"." and len(words) == 2 and b"/" in words[1]:
            file = _below(folder, words[1])
            try:
                with open(file, "rb") as stream:
                    sourced.append(stream.read())
                    everything += b"\n" + sourced[-1]
            except OSError:
                return None
            files.append(file)
        elif name in _FILTERS:
            if not _is_filter(name, words[1:]):
                return None
            filters = True
        elif name in _HARMLESS or name in own:
            if name in _LISTING and not any(_NAMED.match(word) for word in words[1:]):
                return None
            if name == b"set" and words[1][:1] in b"-+" and words[1] != b"--":
                return None
            if name in own and _defines(everything, name):
                called.add(name)
        else:
            return None
        splits = splits or (len(words) > 1 and name not in (b"[", b"test", b":", b"export"))
        if name == b"eval":
            if _CHANGING.search(entry[1]):
                return None
            if b"$" in entry[1]:  # it may ask for variables whose names are nowhere in the text
                evaluated.append(b" ".join(words[1:]))
    # Of what is in functions nothing was done, unless one was called. Parsing knows more of them, and takes longer.
    texts = [_SUMS.sub(b"", outside_functions(each, called)) for each in (text, *sourced)]
    for parsed in (False, True):
        around = b"\n".join(_outside_any_function(each, called) if parsed else each for each in texts)
        names = _looks_at_names(around, splits, filters, folder, variables, before, meanwhile)
        if names is not None:
            return tuple(dict.fromkeys((*files, *names))), b"\n".join((*sourced, *evaluated))
    return None


def _looks_at_names(
    around: bytes,
    splits: bool,
    filters: bool,
    folder: str,
    variables: Mapping[str, str | None],
    before: Mapping[str, str],
    meanwhile: Mapping[str, Collection[str]],
) -> tuple[str, ...] | None:
    """The folders whose names what stands outside functions may ask for; None if nobody can tell."""
    unquoted = _NO_FILE_NAMES.sub(lambda match: match[0] if b"$(" in match[0] else b"q", around)
    if _CHANGING.search(around.replace(b"\\\n", b"")) or _REDIRECTED.search(unquoted) or _INPUT.search(unquoted):
        return None
    if (filters and b"<" in around) or b"$(<" in around:
        return None
    if _PATTERN.search(_VALUE.sub(b" ", _CASE_PATTERN.sub(b" ", unquoted))):
        return None
    values = [*variables.values(), *(each for some in meanwhile.values() for each in some)] if splits else []
    for name in _NAME.findall(b" ".join(_SPLIT_TEST.findall(around))):
        values += (variables.get(name.decode()), before.get(name.decode()), *meanwhile.get(name.decode(), ()))
    if any(_PATTERN.search(os.fsencode(value)) for value in values if value):
        return None
    loops = b" ".join(_LOOP.findall(around))
    return loops_depend_on(loops, folder, variables, before, meanwhile) if loops else ()


def _defines(text: bytes, name: bytes) -> bool:
    if b"\n%b() {" % name in text:
        return True
    return re.search(rb"(?<![^\s;&|(){}\"'])" + re.escape(name) + rb"[ \t]*\(", text) is not None or b"eval" in text


def _outside_any_function(text: bytes, called: set[bytes]) -> bytes:
    from abuildpy.recipe.syntax import parse

    try:
        functions = parse(text).functions
    except RecipeError:
        return text
    at = 0
    pieces = []
    for function in functions:
        if function.function is None and os.fsencode(function.name) not in called:
            pieces.append(text[at : function.span.start])
            at = function.span.end
    return b"".join((*pieces, text[at:]))


def _tested(words: list[bytes]) -> list[bytes] | None:
    """Files whose presence a test asks for; None if it asks for more."""
    files = []
    for at, word in enumerate(words):
        if word in _FILE_TESTS and at + 1 < len(words):
            files.append(words[at + 1])
            if os.fsdecode(words[at + 1]).startswith(_ELSEWHERE):
                return None
        elif _OTHER_TEST.fullmatch(word):
            return None
    return files


def _is_filter(name: bytes, words: list[bytes]) -> bool:
    operands = [word for word in words if not word.startswith(b"-")]
    if any(not _FILTER_OPTION.fullmatch(word) for word in words if word.startswith(b"-")):
        return False
    if name == b"sed" and (
        b"-f" in words or any(len(w) > _LONGEST_SCRIPT or not _SED_SCRIPT.fullmatch(w) for w in operands)
    ):
        return False
    if name == b"cut":  # -d . -f 1
        operands = [word for at, word in enumerate(words) if words[at - 1 : at] not in ([b"-d"], [b"-f"], [b"-c"])]
        operands = [word for word in operands if not word.startswith(b"-")]
    return len(operands) <= _FILTERS[name]


def _plain(word: bytes) -> bytes:
    """A word of the trace without the quotes that ash put around its pieces."""
    return b"".join(piece[1:-1] if piece[:1] in b"'\"" else piece for piece in _PIECES.findall(word))


def _below(folder: str, name: bytes) -> str:
    return os.path.normpath(os.path.join(folder, os.fsdecode(name)))
