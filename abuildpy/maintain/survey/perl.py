# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at sources of Perl modules."""

from __future__ import annotations

import re

from abuildpy.maintain.survey.documents import json_of, table
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.tree import SourceTree

_CORE = re.compile(
    r"(?:perl|strict|warnings|base|parent|utf8|lib|vars|constant|overload|integer|bytes|re|feature|mro|fields|version|threads.*|B|CPAN.*|Carp.*|Config.*|Cwd|DB_File|Data::Dumper|"
    r"Devel::(?:Peek|PPPort)|Digest|Digest::(?:MD5|SHA|base|file)|DynaLoader|Encode.*|English|Env|Errno|Exporter.*|ExtUtils::(?!Depends|PkgConfig|CChecker|Config).*|Fcntl|File::(?:Basename|Compare|Copy|Fetch|Find|Glob|"
    r"Path|Spec.*|Temp|stat)|FindBin|Getopt::(?:Long|Std)|HTTP::Tiny|Hash::Util.*|I18N::.*|IO|IO::(?:File|Handle|Select|Socket|Socket::IP|Socket::INET|Socket::UNIX|Zlib|Seekable|Pipe|Dir|Poll|Compress.*|Uncompress.*)|IPC::(?:Cmd|Open2|Open3|SysV)|"
    r"JSON::PP.*|List::Util|Locale::Maketext.*|MIME::(?:Base64|QuotedPrint)|Math::(?:BigFloat|BigInt|BigRat|Complex|Trig).*|Memoize.*|Module::(?:CoreList|Load.*|Loaded|Metadata)|NEXT|Net::(?:FTP|POP3|SMTP|hostent|Ping|Cmd|Config)|POSIX|Params::Check|"
    r"Parse::CPAN::Meta|Perl::OSType|PerlIO.*|Pod::(?:Checker|Escapes|Man|Simple.*|Text.*|Usage|Perldoc.*|ParseLink)|Safe|Scalar::Util|SelectSaver|Socket|Storable|Sub::Util|Symbol|Sys::(?:Hostname|Syslog)|TAP::.*|Term::(?:ANSIColor|Cap|ReadLine)|"
    r"Test|Test::(?:Builder.*|Harness|More|Simple|Tester|use::ok)|Test2.*|Text::(?:Abbrev|Balanced|ParseWords|Tabs|Wrap)|Thread.*|Tie::.*|Time::(?:HiRes|Local|Piece|Seconds|gmtime|localtime|tm)|UNIVERSAL|Unicode::(?:Collate|Normalize|UCD).*|User::.*|XSLoader|autodie.*|autouse|attributes|bigint|bignum|blib|bytes|charnames|deprecate|diagnostics|encoding.*|experimental|filetest|if|less|locale|ok|open|ops|sigtrap|sort|subs)"
)  # fmt: skip


def perl(subject: Subject) -> Plan:
    """A source with Makefile.PL or Build.PL."""
    tree, known = subject.tree, subject.known
    native = bool(tree.anywhere(r".*\.xs", 5))
    builder = tree.has("Build.PL") and not tree.has("Makefile.PL")
    tested = bool([name for name in tree.files if re.fullmatch(r"(?:.*/)?(?:t|test)/.*\.t|test\.pl", name)])
    needs = _prerequisites(tree)
    runs = _packages(needs.get("runtime", ()), known)
    make = _packages((*needs.get("configure", ()), *needs.get("build", ())), known)
    tests = _packages(needs.get("test", ()), known)
    tiny = "Module::Build::Tiny" in needs.get("configure", ()) or tree.any_text(["Build.PL"], r"Module::Build::Tiny")
    if builder and not tiny:
        make = tuple(dict.fromkeys((*make, "perl-module-build")))
    if native:
        make = ("perl-dev", *make)
    return Plan(
        noarch=not native,
        depends=("perl", *runs),
        makedepends=tuple(name for name in make if name not in runs),
        checkdepends=tuple(name for name in tests if name not in runs and name not in make) if tested else (),
        subpackages=("doc",),
        options=() if tested else (("!check", "no tests in the source"),),
        check=(("./Build test",) if builder else ("make test",)) if tested else (),
        facts={"builder": builder, "programs": tree.any_text(["Makefile.PL"], r"\bEXE_FILES\b")},
    )


def _packages(modules: object, known: KnownPackages) -> tuple[str, ...]:
    names = (
        [name for name in modules if isinstance(name, str) and not _CORE.fullmatch(name)]
        if isinstance(modules, tuple)
        else []
    )
    return tuple(dict.fromkeys(_package(name, known) for name in names))


def _package(module: str, known: KnownPackages) -> str:
    """``perl-`` and the distribution's name; a module may be part of one that is named after what is above it."""
    plain = f"perl-{module.lower().replace('::', '-')}"
    special = {
        "perl-lwp": "perl-libwww",
        "perl-lwp-useragent": "perl-libwww",
        "perl-uri-escape": "perl-uri",
        "perl-lwp-simple": "perl-libwww",
        "perl-template": "perl-template-toolkit",
    }
    name = special.get(plain, plain)
    if not known.can_tell or known.is_there(name):
        return name
    above = name
    while above.count("-") > 1:
        above = above.rpartition("-")[0]
        if known.is_there(above):
            return above
    return name


def _prerequisites(tree: SourceTree) -> dict[str, tuple[str, ...]]:
    """Modules by phase, as CPAN's metadata or the arguments of WriteMakefile name them."""
    listed = table(json_of(tree, "META.json").get("prereqs"))
    if listed:
        return {
            phase: tuple(table(table(listed.get(phase)).get("requires")))
            for phase in ("runtime", "configure", "build", "test")
        }
    text = tree.text("META.yml")
    found: dict[str, tuple[str, ...]] = {}
    for phase, key in (("runtime", "requires"), ("configure", "configure_requires"), ("build", "build_requires")):
        block = re.search(rf"(?m)^{key}:[ \t]*\n((?:[ \t].*\n)+)", text)
        if block is not None:
            found[phase] = tuple(re.findall(r"(?m)^[ \t]+['\"]?([\w:]+)['\"]?:", block[1]))
    if not text:
        written = tree.text("Makefile.PL") + tree.text("Build.PL")
        for phase, key in (
            ("runtime", "PREREQ_PM|requires"),
            ("test", "TEST_REQUIRES|test_requires"),
            ("build", "BUILD_REQUIRES|build_requires"),
        ):
            block = re.search(rf"\b(?:{key})['\"]?\s*=>\s*\{{([^{{}}]*)", written)
            if block is not None:
                found[phase] = tuple(re.findall(r"\b([A-Z]\w{0,60}(?:::\w{1,60}){0,9})['\"]?\s*=>", block[1]))
    return found
