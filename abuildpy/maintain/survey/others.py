# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at sources whose build system needs only a little to be known: Ruby, npm, Lua, Haskell, OCaml, Zig, SCons and more."""

from __future__ import annotations

import re
from collections.abc import Callable

from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.survey.compiled import NO_TESTS, _includes, _programs, headers_needed
from abuildpy.maintain.survey.documents import json_of, table
from abuildpy.maintain.survey.plan import Plan, Subject
from abuildpy.maintain.survey.splits import splits_of
from abuildpy.maintain.survey.tree import behind


def reader_of(kind: BuildType) -> Callable[[Subject], Plan]:
    """The one that looks at sources of that kind."""
    return {
        BuildType.RUBY: _ruby,
        BuildType.NPM: _npm,
        BuildType.LUA: _lua,
        BuildType.HASKELL: _haskell,
        BuildType.OCAML: _ocaml,
        BuildType.ZIG: _zig,
        BuildType.SCONS: _scons,
        BuildType.QMAKE: _qmake,
        BuildType.WAF: _waf,
        BuildType.NIM: _nim,
        BuildType.DUB: _dub,
        BuildType.JAVA: _java,
        BuildType.ELIXIR: _elixir,
    }.get(kind, _unknown)


def _plan(check: tuple[str, ...], makedepends: tuple[str, ...], *, net: str = "", **more: object) -> Plan:
    options = (*((("net", net),) if net else ()), *(() if check else (NO_TESTS,)))
    return Plan(makedepends=makedepends, check=check, options=options, **more)  # type: ignore[arg-type]


def _ruby(subject: Subject) -> Plan:
    tree = subject.tree
    spec = next(iter(tree.at_top(r".*\.gemspec")), "")
    text = tree.text(spec)
    native = bool(tree.anywhere(r"extconf\.rb", 4))
    runs = re.findall(r"add_(?:runtime_)?dependency\s*+\(?\s*(?:%q<|['\"])([\w-]+)", text)
    check: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    if tree.anywhere(r".*_spec\.rb", 6):
        check, needs = ("rspec",), ("ruby-rspec",)
    elif tree.anywhere(r"(?:test_\w+|\w+_test)\.rb", 6):
        needs = ("ruby-rake", "ruby-minitest") if tree.has("Rakefile") else ("ruby-minitest",)
        check = (
            ("rake test",)
            if tree.has("Rakefile")
            else ("ruby -Ilib -Itest -e 'Dir[\"./test/**/{test_*,*_test}.rb\"].each { |f| require f }'",)
        )
    name = spec.removesuffix(".gemspec") or subject.stem.removeprefix("ruby-")
    return _plan(
        check,
        ("ruby-dev",) if native else (),
        checkdepends=needs,
        noarch=not native,
        depends=("ruby", *(f"ruby-{each}" for each in dict.fromkeys(runs))),
        facts={"gem": name, "git": "git ls-files" in text},
    )


def _npm(subject: Subject) -> Plan:
    tree = subject.tree
    package = json_of(tree, "package.json")
    scripts = table(package.get("scripts"))
    needs = table(package.get("dependencies"))
    programs = package.get("bin")
    said = package.get("name")
    name = said if isinstance(said, str) and said else subject.stem
    if isinstance(programs, str):
        programs = {name.rpartition("/")[2]: programs}
    builds = "build" in scripts and not tree.has("dist/index.js") and bool(package.get("devDependencies"))
    net = "npm" if needs or builds else ""
    locked = tree.has("package-lock.json", "npm-shrinkwrap.json")
    return _plan(
        (),
        ("npm",) if net else (),
        net=net,
        noarch=True,
        depends=("nodejs",),
        facts={
            "name": name,
            "programs": sorted((each, file) for each, file in table(programs).items() if isinstance(file, str)),
            "builds": builds,
            "needs": bool(needs),
            "locked": locked,
        },
        remarks=("its tests need packages that npm would fetch: see whether they are worth it",)
        if "test" in scripts
        else (),
    )


def _lua(subject: Subject) -> Plan:
    tree = subject.tree
    native = bool(tree.anywhere(r".*\.c", 4))
    tested = bool(tree.anywhere(r".*_spec\.lua", 4))
    return _plan(
        ("busted",) if tested else (),
        ("lua5.4-dev",) if native else (),
        checkdepends=("lua-busted",) if tested else (),
        noarch=not native,
        depends=("lua5.4",),
        facts={
            "modules": [
                name
                for name in tree.files
                if re.fullmatch(r"(?:(?:src|lua|lib)/)?[\w/-]+\.lua", name)
                and not re.search(r"(?i)(?:^|/)(?:spec|tests?|examples?|docs?)/|config\.lua$", name)
            ]
        },
        remarks=("Lua: which of its versions it is for, and the rock's C modules, are for you to say",),
    )


def _haskell(subject: Subject) -> Plan:
    cabal = next(iter(subject.tree.at_top(r".*\.cabal")), "")
    text = subject.tree.text(cabal)
    tested = re.search(r"(?im)^test-suite\s", text) is not None
    programs = re.findall(r"(?im)^executable\s+([\w-]+)", text)
    return _plan(
        ("cabal v2-test",) if tested else (),
        ("cabal", "ghc", "libffi-dev", "ncurses-dev"),
        net="cabal v2-update",
        facts={"programs": programs},
    )


def _ocaml(subject: Subject) -> Plan:
    tree = subject.tree
    names = [name.removesuffix(".opam") for name in tree.at_top(r"\w[\w-]*\.opam")] or re.findall(
        r"\(package\s*\(name\s+([\w-]+)\)", tree.text("dune-project")
    )
    stem = subject.stem.removeprefix("ocaml-")
    text = tree.text(f"{stem}.opam") or "\n".join(tree.text(name) for name in tree.at_top(r".*\.opam"))
    depends = behind(text, r"(?m)^depends:\s*\[").partition("\n]")[0]
    entries = re.findall(r"\"([\w-]+)\"([^\n]*)", depends)
    base = ("ocaml", "dune", "base-bytes", "base-threads", "base-unix", "conf-pkg-config")
    runs = [
        f"ocaml-{name.removeprefix('ocaml-')}-dev"
        for name, rest in entries
        if name not in base and "with-test" not in rest and "with-doc" not in rest
    ]
    tests = [f"ocaml-{name.removeprefix('ocaml-')}-dev" for name, rest in entries if "with-test" in rest]
    packages = ",".join(names)
    select = f" -p {packages}" if packages else ""
    tested = tree.any_text(tree.anywhere(r"dune", 6), r"\(tests?\b|runtest")
    library = tree.any_text(tree.anywhere(r"dune", 6), r"\(public_name|\(library")
    return _plan(
        (f"dune runtest{select}",) if tested else (),
        ("dune", "ocaml", "ocaml-findlib", *(name for name in dict.fromkeys(runs) if name != f"{subject.pkgname}-dev")),
        checkdepends=tuple(dict.fromkeys(tests)) if tested else (),
        subpackages=("dev",) if library else (),
        facts={"select": select, "packages": " ".join(names)},
    )


def _zig(subject: Subject) -> Plan:
    tested = subject.tree.any_text(["build.zig"], r"\.step\(\s*\"test\"")
    fetches = subject.tree.any_text(["build.zig.zon"], r"\.url\s*=")
    return _plan(
        ("zig build test",) if tested else (),
        ("zig",),
        net="zig fetches its dependencies" if fetches else "",
        subpackages=splits_of(subject.tree, "zig"),
    )


def _scons(subject: Subject) -> Plan:
    text = subject.tree.text("SConstruct")
    prefix = next((name for name in ("PREFIX", "prefix") if re.search(rf"\b{name}\b", text)), "")
    destdir = next((name for name in ("DESTDIR", "destdir", "install_sandbox") if re.search(rf"\b{name}\b", text)), "")
    tested = re.search(r"Alias\s*\(\s*[\"'](check|test)[\"']", text)
    return _plan(
        (f"scons {tested[1]}",) if tested else (),
        ("scons", *_includes(subject.tree, subject), *headers_needed(subject.tree)),
        facts={"prefix": f" {prefix}=/usr" if prefix else "", "destdir": destdir, "installs": "install" in text},
        subpackages=splits_of(subject.tree, "make"),
    )


def _qmake(subject: Subject) -> Plan:
    tree = subject.tree
    text = "\n".join(tree.text(name) for name in tree.anywhere(r".*\.pr[oi]", 3))
    six = re.search(r"\bcore5compat\b|QT_MAJOR_VERSION,\s*6|Qt ?6", text) is not None
    modules = {
        "svg": "qtsvg",
        "quick": "qtdeclarative",
        "qml": "qtdeclarative",
        "multimedia": "qtmultimedia",
        "x11extras": "qtx11extras",
        "webengine": "qtwebengine",
        "serialport": "qtserialport",
        "websockets": "qtwebsockets",
    }
    used = {word for line in re.findall(r"QT\s*\+=\s*([^\n#]+)", text) for word in line.split()}
    major = "6" if six else "5"
    needs = [
        f"qt{major}-qtbase-dev",
        *(f"qt{major}-{package}-dev" for module, package in modules.items() if module in used),
    ]
    if tree.anywhere(r".*\.ts", 4):
        needs.append(f"qt{major}-qttools-dev")
    tested = re.search(r"CONFIG\s*\+=[^\n]{0,400}\btestcase\b|QT\s*\+=[^\n]{0,400}\btestlib\b", text) is not None
    return _plan(
        ("make check",) if tested else (),
        tuple(dict.fromkeys(needs)),
        facts={"qmake": "qmake6" if six else "qmake-qt5"},
        subpackages=splits_of(tree, "qmake"),
    )


def _waf(subject: Subject) -> Plan:
    tree = subject.tree
    asked = [
        name
        for _, text in tree.texts(tree.anywhere(r"wscript", 3))
        for name in re.findall(r"\bpackage\s*=\s*['\"]([\w.+-]+)", text)
    ]
    packages = [package for name in asked if (package := subject.known.module(name))]
    return _plan(
        (),
        ("python3", *dict.fromkeys((*packages, *_includes(tree, subject), *headers_needed(tree)))),
        facts={"own": tree.has("waf")},
        subpackages=splits_of(tree, "make"),
    )


def _nim(subject: Subject) -> Plan:
    spec = next(iter(subject.tree.at_top(r".*\.nimble")), "")
    text = subject.tree.text(spec)
    listed = re.search(r"(?m)^bin\s*=\s*@\[([^][]*)", text)
    programs = re.findall(r"\"([\w/.-]+)\"", listed[1] if listed else "")
    tested = bool(subject.tree.anywhere(r"t\w+\.nim", 3)) and "tests" in subject.tree.folders
    return _plan(
        ("nimble test",) if tested else (),
        ("nim", "nimble"),
        net="nimble",
        facts={"programs": [name.rpartition("/")[2] for name in programs]},
    )


def _dub(subject: Subject) -> Plan:
    package = json_of(subject.tree, "dub.json")
    sdl = re.search(r"(?m)^name\s+\"([^\"]+)", subject.tree.text("dub.sdl"))
    name = str(package.get("targetName") or package.get("name") or (sdl[1] if sdl else subject.stem))
    return _plan(("dub test",), ("dub", "ldc"), net="dub", facts={"program": name})


def _java(subject: Subject) -> Plan:
    tool = (
        "maven"
        if subject.tree.has("pom.xml")
        else "gradle"
        if subject.tree.has("build.gradle", "build.gradle.kts")
        else "apache-ant"
    )
    return _plan(
        (),
        ("openjdk17-jdk", tool),
        net=tool,
        noarch=True,
        depends=("java-jre-headless",),
        facts={"tool": tool},
        remarks=(f"Java, built with {tool}: what package() installs is for you to say",),
    )


def _elixir(_subject: Subject) -> Plan:
    return _plan(
        (),
        ("elixir",),
        net="mix deps.get",
        depends=("elixir",),
        remarks=("Elixir: whether it is a release or a library is for you to say",),
    )


def _unknown(subject: Subject) -> Plan:
    programs = _programs(subject.tree)
    return Plan(
        noarch=bool(programs) or not subject.tree.anywhere(r".*\.(?:c|cc|cpp|cxx|S|asm|f90|pas)", 6),
        options=(NO_TESTS,),
        facts={"programs": programs, "manuals": subject.tree.anywhere(r"[a-z][\w-]*\.[1-8]", 2)},
        subpackages=tuple(split for split in splits_of(subject.tree, "make") if split == "doc"),
        remarks=("nothing tells how it is built",) if not programs else (),
    )
