# SPDX-License-Identifier: GPL-3.0-or-later
"""Records beside the packages of real builds: there by default, gone when asked for, never stale, and without secrets."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
from buildkit import Done, Place, finish, sha512, wait_for

from abuildpy.records.buildinfo import BuildInfo, buildinfo_of, read_buildinfo

pytest_plugins = ["buildfixtures"]

UMBRELLA = "abuildpy.cli.umbrella"
RECORDS = [
    "foo-1.0-r0.buildinfo.json",
    "foo-1.0-r0.provenance.json",
    "foo-1.0-r0.spdx.json",
    "foo-doc-1.0-r0.spdx.json",
]
FUNCTIONS = """
    package() {
        mkdir -p "$pkgdir"/usr/share/doc/foo "$pkgdir"/usr/share/foo
        cp "$startdir"/data "$pkgdir"/usr/share/foo/data
        echo hello > "$pkgdir"/usr/share/doc/foo/README
    }
"""
EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


def _recipe(place: Place, **more: str) -> Path:
    values = {"subpackages": "$pkgname-doc", **more}
    return place.recipe(FUNCTIONS, files={"data": "data\n"}, extra={"todo": "nothing\n"}, **values)


def _records(place: Place) -> list[str]:
    return sorted(path.name for path in place.repository().glob("*.json"))


def _info(place: Place) -> BuildInfo:
    path = buildinfo_of(place.repository() / "foo-doc-1.0-r0.apk")
    assert path is not None
    return read_buildinfo(path)


def _triplet(place: Place) -> str:
    return f"{place.arch}-alpine-linux-musl"


def _statement(place: Place, name: str = "foo-1.0-r0.provenance.json") -> Any:
    return json.loads(base64.b64decode(json.loads((place.repository() / name).read_text())["payload"]))


def _verify(place: Place, *arguments: str) -> Done:
    keys = ("--keys-dir", str(place.public.parent))
    files = sorted(map(str, place.repository().glob("*.apk")))
    return place.run(None, "verify", *keys, *arguments, *files, module=UMBRELLA)


def test_a_build_leaves_records_that_verify(place: Place) -> None:
    folder = _recipe(place)
    place.build(folder)
    assert _records(place) == RECORDS
    assert {path.stat().st_mode & 0o777 for path in place.repository().glob("*.json")} == {0o644}
    done = _verify(place, "--require", "all")
    assert done.status == 0, str(done)
    listed = place.run(folder, "listpkg")
    assert listed.out.split() == ["foo-1.0-r0.apk", "foo-doc-1.0-r0.apk"]
    assert sorted(place.index()) == ["foo", "foo-doc"]


def test_what_a_buildinfo_tells(place: Place) -> None:
    folder = _recipe(place, options="!check net")
    place.build(folder, env={**EPOCH, "CFLAGS": "-O3", "EDITOR": "ed", "pkgdesc": "unheard"})
    info = _info(place)
    assert info.recipe.files == {name: f"sha512:{sha512(folder / name)}" for name in ("APKBUILD", "data", "todo")}
    assert info.recipe.files["data"] == f"sha512:{info.sources[0].checksum}"
    assert (info.recipe.commit, info.recipe.dirty) == ("", False)
    assert [(s.name, s.remote, s.size) for s in info.sources] == [("data", False, 5)]
    around = info.surrounding
    assert (around.network, around.checked, around.whole, around.umask) == (True, False, True, "0022")
    assert around.variables["SOURCE_DATE_EPOCH"] == "1700000000"
    assert around.variables["CARCH"] == place.arch
    assert "EDITOR" in around.others
    assert "-d" in around.options
    assert around.path == str(folder)
    assert [(p.name, p.size) for p in info.packages] == [
        (name, (place.repository() / f"{name}-1.0-r0.apk").stat().st_size) for name in ("foo", "foo-doc")
    ]
    assert [p.datahash for p in info.packages] == [
        place.package(name).info("datahash")[0] for name in ("foo", "foo-doc")
    ]


def test_the_same_build_gives_the_same_bytes(place: Place) -> None:
    folder = _recipe(place)
    place.build(folder, env=EPOCH)
    first = {name: (place.repository() / name).read_bytes() for name in RECORDS}
    place.build(folder, "-f", env=EPOCH)
    second = {name: (place.repository() / name).read_bytes() for name in RECORDS}
    differing = [name for name in RECORDS if first[name] != second[name]]
    assert differing == ["foo-1.0-r0.buildinfo.json", "foo-1.0-r0.provenance.json"], "they tell of -f, and no more"
    changed = json.loads(second[RECORDS[0]])
    assert changed["surrounding"]["options"].count("-f") == 1
    changed["surrounding"]["options"].remove("-f")
    assert changed == json.loads(first[RECORDS[0]])


@pytest.mark.parametrize("how", ["option", "variable"])
def test_without_records_those_of_the_former_build_go_too(place: Place, how: str) -> None:
    folder = _recipe(place)
    place.build(folder)
    options, environment = (["--no-records"], {}) if how == "option" else ([], {"ABUILD_RECORDS": "no"})
    place.build(folder, "-f", *options, env=environment)
    assert _records(place) == []
    done = _verify(place)
    assert (done.status, "without provenance, spdx, buildinfo" in done.out) == (0, True), str(done)
    done = _verify(place, "--require=provenance")
    assert (done.status, "there is no foo-1.0-r0.provenance.json" in done.err) == (1, True), str(done)


def test_a_misspelt_wish_is_an_error_before_anything_is_built(place: Place) -> None:
    done = place.fails(_recipe(place), env={"ABUILD_RECORDS": "never"})
    assert "ABUILD_RECORDS is 'never'" in done.err


def test_a_failed_build_leaves_the_records_of_the_former(place: Place) -> None:
    folder = _recipe(place)
    place.build(folder)
    before = place.repository_bytes()
    (folder / "data").unlink()
    place.run(folder, "-d", "-f")
    assert place.repository_bytes() == before


def test_old_records_go_with_old_packages(place: Place) -> None:
    folder = _recipe(place)
    place.build(folder)
    text = (folder / "APKBUILD").read_text()
    (folder / "APKBUILD").write_text(text.replace('pkgrel="0"', 'pkgrel="1"'))
    place.build(folder)
    newer = [name.replace("-r0", "-r1") for name in RECORDS]
    assert _records(place) == sorted([*RECORDS, *newer])
    place.build(folder, "cleanoldpkg")
    assert _records(place) == newer
    place.build(folder, "cleanpkg")
    assert _records(place) == []


def test_single_verbs_say_that_they_are_not_the_whole(place: Place) -> None:
    folder = _recipe(place)
    place.build(folder, "unpack", "prepare", "rootpkg")
    assert _info(place).surrounding.whole is False
    assert _statement(place)["predicate"]["buildDefinition"]["internalParameters"]["whole"] is False


def test_no_secret_is_told(place: Place) -> None:
    archive, line = place.archive("foo.tar.gz", {"a": b"a"})
    folder = place.recipe(
        'package() { mkdir -p "$pkgdir"; }',
        source="foo.tar.gz::https://me:hunter2@example.invalid/foo.tar.gz",
        sums=line,
        options="!check",
    )
    assert archive.exists()
    environment = {"MY_TOKEN": "hunter2", "CFLAGS": "-I/x -DURL=https://me:hunter2@example.invalid/"}
    place.build(folder, env={**environment, "PATH": f"{place.home}/bin:{os.environ['PATH']}"})
    assert len(list(place.repository().glob("*.json"))) == 3
    for path in place.repository().glob("*.json"):
        text = path.read_text()
        text += base64.b64decode(json.loads(text)["payload"]).decode() if "provenance" in path.name else ""
        for secret in ("hunter2", "MY_TOKEN", str(place.home)):
            assert secret not in text, (path.name, secret)
    assert "https://example.invalid/foo.tar.gz" in (place.repository() / "foo-1.0-r0.spdx.json").read_text()


def test_an_edit_while_it_builds_is_not_taken_for_what_was_built(place: Place) -> None:
    """What is recorded of the recipe is what was there when the build began."""
    wait = 'build() { touch "$srcdir"/here; while ! [ -e "$startdir"/go ]; do sleep 0.1; done; }\n'
    folder = place.recipe(wait + textwrap.dedent(FUNCTIONS), files={"data": "data\n"})
    before = f"sha512:{sha512(folder / 'APKBUILD')}"
    process = place.start(folder, "-d")
    wait_for((folder / "src/here").exists, "the build to begin")
    (folder / "APKBUILD").write_text("# changed\n" + (folder / "APKBUILD").read_text())
    (folder / "go").touch()
    done = finish(process)
    assert done.status == 0, str(done)
    path = buildinfo_of(place.repository() / "foo-1.0-r0.apk")
    assert path is not None
    files = read_buildinfo(path).recipe.files
    assert files["APKBUILD"] == before and "go" not in files


def test_only_what_is_json_beside_them_was_added(place: Place) -> None:
    """Nothing goes into a package: it is the same with and without records."""
    folder = _recipe(place)
    place.build(folder, env=EPOCH)
    first = {p.name: p.read_bytes() for p in place.repository().glob("*.apk")}
    place.build(folder, "-f", "--no-records", env=EPOCH)
    assert {p.name: p.read_bytes() for p in place.repository().glob("*.apk")} == first


def test_what_was_installed_is_told(place: Place) -> None:
    folder = _recipe(place, makedepends="tool")
    root = place.base / "root"
    (root / "lib/apk/db").mkdir(parents=True)
    entry = "C:Q1abc=\nP:{0}\nV:1-r0\nA:x86_64\nS:1\nI:1\nT:x\nU:u\nL:MIT\no:{0}\n{1}\n\n"
    text = entry.format("tool", "D:needed") + entry.format("needed", "p:cmd:x=1") + entry.format("vim", "p:cmd:vi=1")
    (root / "lib/apk/db/installed").write_text(text)
    place.build(folder, env={"APK": f"apk --root {root}", "CBUILD": _triplet(place)})
    needs = _info(place).dependencies
    assert (needs.root, needs.wanted) == ("host", ("build-base", "tool"))
    assert [(package.name, package.direct) for package in needs.installed] == [("needed", False), ("tool", True)]
    resolved = _statement(place)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {
        "name": "tool",
        "uri": "pkg:apk/alpine/tool@1-r0?arch=x86_64",
        "annotations": {"kind": "build", "apk": "Q1abc="},
    } in resolved
    document = json.loads((place.repository() / "foo-1.0-r0.spdx.json").read_text())
    kinds = {each["spdxElementId"]: each["relationshipType"] for each in document["relationships"]}
    assert kinds["SPDXRef-Build-1"] == "BUILD_DEPENDENCY_OF"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_is_told_and_whether_there_was_more(place: Place) -> None:
    folder = _recipe(place)

    def git(*words: str) -> str:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
        command = ["git", *who, *words]
        return subprocess.run(command, cwd=place.aports, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x")
    commit = git("rev-parse", "HEAD")
    place.build(folder)
    assert (_info(place).recipe.commit, _info(place).recipe.dirty) == (commit, False)
    (folder / "todo").write_text("something\n")
    place.build(folder, "-f")
    assert (_info(place).recipe.commit, _info(place).recipe.dirty) == (commit, True)
    (aports, *_) = _statement(place)["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert (aports["digest"], aports["annotations"]["dirty"]) == ({"gitCommit": commit}, True)
