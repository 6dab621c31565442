# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evaluation depends on besides the recipe's text and variables: nothing, some files, or what nobody can tell.

For a plain recipe (``plain.py``) only loops over file names matter. For any other the trace that ``set -x`` printed is
judged, one command at a time: assignments, tests of strings, and programs that do nothing but change text are fine; a
file that is sourced or tested for is one more file to watch; what asks for more, the time, or the machine is too much.
"""

from __future__ import annotations

import os
import re

from abuildpy.errors import RecipeError
from abuildpy.recipe.plain import outside_functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_ENTRY = re.compile(rb"\++ABUILDPY:[0-9]+: ((?:[^'\"\n]|'[^']*'|\"[^\"]*\")*)\n")
_WORDS = re.compile(rb"(?:[^'\"\s]|'[^']*'|\"[^\"]*\")+")
_PIECES = re.compile(rb"'[^']*'|\"[^\"]*\"|[^'\"]+")
_ASSIGNMENT = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*=")
_CHANGING = re.compile(rb"\$\{?(?:RANDOM|PPID|SECONDS|EPOCH|LINENO|[$!])")
_LOOP = re.compile(rb"\bfor[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]+in\b([^\n;]*)")
_NAME = re.compile(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_PATTERN = re.compile(rb"[*?\[]")
_SUBSTITUTION = re.compile(rb"`|\$\(")
_SPLITTING = re.compile(rb"(?<![A-Za-z0-9_])(?:echo|printf|set|eval)[ \t][^\n]*[*?\[]")
_FILE_TESTS = frozenset(b"-b -c -d -e -f -h -L -p -S -s".split())
_OTHER_TEST = re.compile(rb"-(?:[gGkNOrtuwx]|nt|ot|ef)")
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
_FILTER_OPTION = re.compile(rb"-(?:[0-9]+|[ncdsurEe]+|[ncdfb][0-9,-]*|f|d.|-)")
_SED_SCRIPT = re.compile(rb"(?:(?:s|y)(.)(?:(?!\1).)*\1(?:(?!\1).)*\1[gpI0-9]*;?|[0-9$]*[pqd];?)+")


def loops_depend_on(
    words: bytes, folder: str, variables: Mapping[str, str | None], before: Mapping[str, str]
) -> tuple[str, ...] | None:
    """The folders whose names the words may stand for that loops go over; None if nobody can tell.

    ``folder`` is the recipe's, ``variables`` are those that it changed, ``before`` those that it found.
    """
    if _SUBSTITUTION.search(words):
        return None
    values = [words.decode("utf-8", "surrogateescape")]
    for match in _NAME.finditer(words):
        name = match[1].decode()
        values.append(variables.get(name) or before.get(name) or "")
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
    """The files that the evaluation of a traced recipe depends on, and the text of those that it sourced.

    ``path`` is the APKBUILD, ``text`` what is in it, ``functions`` are those that it defines, ``variables`` what it changed
    (empty where it failed). The first line of the trace tells that the recipe is read. None: it depends on more.
    """
    at = trace.find(b"\n") + 1
    if b": . " not in trace[:at]:
        return None
    folder = os.path.dirname(path)
    own = {name.encode("utf-8", "surrogateescape") for name in functions}
    files: list[str] = []
    sourced: list[bytes] = []
    splits = filters = False
    while at < len(trace):
        entry = _ENTRY.match(trace, at)
        if entry is None:
            return None
        at = entry.end()
        words = [_plain(word) for word in _WORDS.findall(entry[1])]
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
            except OSError:
                return None
            files.append(file)
        elif name in _FILTERS:
            if not _is_filter(name, words[1:]):
                return None
            filters = True
        elif name in _HARMLESS or name in own:
            splits = splits or name in (b"echo", b"printf", b"set", b"eval")
        else:
            return None
    for outside in (outside_functions, _outside_any_function):  # the second knows more, and takes longer
        around = b"\n".join(outside(each) for each in (text, *sourced))
        names = _looks_at_names(around, splits, filters, folder, variables, before)
        if names is not None:
            return tuple(dict.fromkeys((*files, *names))), b"\n".join(sourced)
    return None


def _looks_at_names(
    around: bytes,
    splits: bool,
    filters: bool,
    folder: str,
    variables: Mapping[str, str | None],
    before: Mapping[str, str],
) -> tuple[str, ...] | None:
    """The folders whose names what stands outside functions may ask for; None if nobody can tell."""
    if _CHANGING.search(around) or (filters and b"<" in around) or b"$(<" in around:
        return None
    if splits and (_SPLITTING.search(around) or any(_PATTERN.search(os.fsencode(v)) for v in variables.values() if v)):
        return None
    loops = b" ".join(_LOOP.findall(around))
    return loops_depend_on(loops, folder, variables, before) if loops else ()


def _outside_any_function(text: bytes) -> bytes:
    from abuildpy.recipe.syntax import parse

    try:
        functions = parse(text).functions
    except RecipeError:
        return text
    at = 0
    pieces = []
    for function in functions:
        if function.function is None:
            pieces.append(text[at : function.span.start])
            at = function.span.end
    return b"".join((*pieces, text[at:]))


def _tested(words: list[bytes]) -> list[bytes] | None:
    """Files whose presence a test asks for; None if it asks for more."""
    files = []
    for at, word in enumerate(words):
        if word in _FILE_TESTS and at + 1 < len(words) and words[at - 1] in (b"[", b"test", b"!", b"-a", b"-o"):
            files.append(words[at + 1])
        elif _OTHER_TEST.fullmatch(word):
            return None
    return files


def _is_filter(name: bytes, words: list[bytes]) -> bool:
    operands = [word for word in words if not word.startswith(b"-")]
    if any(not _FILTER_OPTION.fullmatch(word) for word in words if word.startswith(b"-")):
        return False
    if name == b"sed" and any(not _SED_SCRIPT.fullmatch(word) for word in operands):
        return False
    if name == b"cut":  # -d . -f 1
        operands = [
            word for word in operands if len(word) > 1 and not word.replace(b",", b"").replace(b"-", b"").isdigit()
        ]
    return len(operands) <= _FILTERS[name]


def _plain(word: bytes) -> bytes:
    """A word of the trace without the quotes that ash put around its pieces."""
    return b"".join(piece[1:-1] if piece[:1] in b"'\"" else piece for piece in _PIECES.findall(word))


def _below(folder: str, name: bytes) -> str:
    return os.path.normpath(os.path.join(folder, os.fsdecode(name)))
