# SPDX-License-Identifier: GPL-3.0-or-later
"""The usual causes why packages differ from build to build, and what is to be done about each."""

from __future__ import annotations

from typing import Final

CAUSES: Final = {
    "time": "the time of the build",
    "file-time": "the times of files made during the build",
    "zone": "the time zone",
    "path": "the path of the build",
    "user": "the user who builds",
    "host": "the machine's name or kernel",
    "locale": "the locale",
    "umask": "the umask",
    "cores": "the number of cores or jobs",
    "order": "the order in which folders are read",
    "hash": "the order of sets and hash tables",
    "random": "something made anew by chance: an id, a temporary name, a key",
    "address": "addresses of memory",
    "derived": "a hash over something that differs",
    "environment": "the environment",
    "compressor": "the compressing library",
    "tools": "the programs that it was built with",
    "recipe": "the recipe or its sources",
    "race": "chance, or things that run at the same time",
    "unknown": "not recognised",
}

_EPOCH = "take the time from SOURCE_DATE_EPOCH: date -u -d @$SOURCE_DATE_EPOCH"

ADVICE: Final = {
    ("time", ""): _EPOCH,
    ("time", "compiled"): (
        "__DATE__ and __TIME__ follow SOURCE_DATE_EPOCH with GCC and Clang; where a script writes the time, "
        "date -u -d @$SOURCE_DATE_EPOCH"
    ),
    ("time", "gzip header"): "compress without the time: gzip -n",
    ("time", "man page"): "give the generator its date: SOURCE_DATE_EPOCH (help2man, asciidoctor, sphinx know it)",
    ("time", "document"): (
        "documentation generators know SOURCE_DATE_EPOCH; else switch their date off (doxygen: HTML_TIMESTAMP=NO, "
        "javadoc: -notimestamp, asciidoctor: -a reproducible)"
    ),
    ("time", "pyc"): (
        "compile with SOURCE_DATE_EPOCH set, or python3 -m compileall --invalidation-mode unchecked-hash; "
        "a test run before package() may have left others"
    ),
    ("time", "name"): f"no time in the names of files; {_EPOCH}",
    ("time", "zip member"): (
        "give the files the source's time first: find . -exec touch -h -d @$SOURCE_DATE_EPOCH {} +, then zip -X; "
        "for jars jar --date, or strip-nondeterminism"
    ),
    ("time", "tar member"): ("tar --sort=name --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner"),
    ("time", "ar member"): "ar D (ARFLAGS=rcD) and ranlib -D",
    ("file-time", ""): "give the files the source's time first: find . -exec touch -h -d @$SOURCE_DATE_EPOCH {} +",
    ("zone", ""): "format times in UTC: export TZ=UTC0, date -u",
    ("path", ""): 'leave the path out: -ffile-prefix-map="$srcdir"=. (C), -trimpath (Go), --remap-path-prefix (Rust)',
    ("user", ""): "leave user, number and home out, or set them: USER=builder make…",
    ("user", "tar member"): "tar --owner=0 --group=0 --numeric-owner",
    ("user", "ar member"): "ar D (ARFLAGS=rcD) and ranlib -D",
    ("user", "mode or owner"): "install files with fixed owners: install -o root -g root, cp without -p",
    ("host", ""): "leave the machine's name out, or set it: HOSTNAME=localhost make…",
    ("locale", ""): "set the locale where text is sorted or written: LC_ALL=C sort",
    ("umask", ""): "install with fixed modes: install -Dm644, install -dm755, chmod after cp",
    ("cores", ""): "let nothing in the package depend on $JOBS or nproc",
    ("cores", "order"): "sort what parallel jobs produce: LC_ALL=C sort, $(sort …) in make",
    ("order", ""): "sort the list: LC_ALL=C sort, $(sort $(wildcard …)) in make, sorted(os.listdir())",
    ("order", "tar member"): "tar --sort=name",
    ("order", "ar member"): "give ar its members in a fixed order: $(sort $(wildcard *.o)), LC_ALL=C sort",
    ("order", "zip member"): "give zip its files in a fixed order: find . | LC_ALL=C sort | zip -X FILE -@",
    ("hash", ""): (
        "sort before writing (sorted(), sort keys); for Python export PYTHONHASHSEED=0, for Perl PERL_HASH_SEED=0 "
        "while building"
    ),
    ("hash", "pyc"): "frozen sets are stored in hash order: export PYTHONHASHSEED=0 while compiling",
    ("random", ""): "derive it from the sources, or fix the seed (gcc: -frandom-seed)",
    ("random", "build id"): "ld's --build-id=uuid is made by chance: use --build-id=sha1",
    ("random", "lto"): (
        'GCC draws the names of LTO\'s sections by chance: CFLAGS="$CFLAGS -frandom-seed=$pkgname", or no LTO in what is '
        "not linked yet (-fno-lto for static libraries)"
    ),
    ("address", ""): "write no pointers: they follow from where the kernel puts things (ASLR)",
    ("derived", ""): "follows the other differences",
    ("environment", ""): "leave out what the environment happens to hold (env, set, printenv in a script?)",
    ("compressor", ""): "the same files, packed by another version of the library: not the recipe's doing",
    ("tools", ""): "build with the versions recorded",
    ("recipe", ""): "build the recipe that the package was built from",
    (
        "race",
        "",
    ): "build with JOBS=1 to see whether it is the order of parallel jobs; else look for a random number or a hash",
    ("unknown", ""): "compare the files: abuildpy reproduce --keep DIR keeps both packages",
}


def advice(cause: str, form: str) -> str:
    """What to do about a cause in something of that form."""
    return ADVICE.get((cause, form)) or ADVICE[cause, ""]


OF_VARIATION: Final = {
    "time": "time",
    "zone": "zone",
    "locale": "locale",
    "umask": "umask",
    "user": "user",
    "cores": "cores",
    "order": "order",
    "host": "host",
    "environment": "environment",
    "path": "path",
}
"""The cause that a difference has which comes with one variation alone, whatever its bytes look like."""
