# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy bump`` on git trees with an upstream on loopback: many at once, patches, failures, interrupts."""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from buildkit import PATIENCE, Place
from bumpkit import GREETING, Aports, aports_tree

pytest_plugins = ["buildfixtures"]


@pytest.fixture
def tree(place: Place) -> Iterator[Aports]:
    """An empty tree."""
    with aports_tree(place) as found:
        yield found


def test_thirty_recipes_of_which_one_fails(tree: Aports) -> None:
    names = [f"p{number:02}" for number in range(29)]
    for number, name in enumerate(names):
        tree.recipe(name, makedepends=names[number - 1] if number % 10 else "")
    bad = "bad"
    tree.recipe(bad)
    tree.commit_all()
    untracked = tree.place.aports / "main" / bad / "notes.txt"
    untracked.write_text("mine\n")
    staged = tree.place.aports / "staged.txt"
    staged.write_text("not to be committed\n")
    tree.git("add", "staged.txt")
    for name in names:
        tree.release(name, "1.1")
    tree.release(bad, "1.1", {"other.txt": b"no greeting any more\n"})
    start = tree.git("rev-parse", "HEAD")
    before = tree.files(bad)
    done = tree.bump("--json", *(f"{name}-1.1" for name in [*names, bad]))
    assert done.status == 1, str(done)
    document = json.loads(done.out)
    results = {each["name"]: each for each in document["recipes"]}
    assert {name for name, each in results.items() if each["status"] == "bumped"} == {f"main/{name}" for name in names}
    assert results["main/bad"]["status"] == "failed"
    assert results["main/bad"]["reason"] == "package"
    assert "greeting.txt" in results["main/bad"]["error"]
    assert tree.files(bad) == before
    subjects = tree.subjects(start)
    assert sorted(subjects) == sorted(f"main/{name}: upgrade to 1.1" for name in names)
    for number, name in enumerate(names):
        if number % 10:
            earlier = subjects.index(f"main/{names[number - 1]}: upgrade to 1.1")
            assert earlier < subjects.index(f"main/{name}: upgrade to 1.1")
    for commit in tree.git("rev-list", f"{start}..HEAD").splitlines():
        changed = tree.git("show", "--format=%s", "--name-only", commit).split("\n")
        assert [line for line in changed[1:] if line] == [f"{changed[0].partition(':')[0]}/APKBUILD"]
    assert tree.git("diff", "--cached", "--name-only") == "staged.txt"
    assert tree.git("status", "--porcelain").splitlines() == ["A  staged.txt", "?? main/bad/notes.txt"]
    for name in names:
        assert (tree.place.repodest / f"main/x86_64/{name}-1.1-r0.apk").is_file()


# --- patches ---------------------------------------------------------------------------------------------------------

UPSTREAM = (
    b"From: Somebody <s@example.invalid>\nSubject: say it in another way\n\n--- a/greeting.txt\n+++ b/greeting.txt\n"
    + (b"@@ -19,3 +19,3 @@ line 18\n line 19\n-line 20\n+LINE 20\n line 21\n")
)
MUSL = b"Why it is needed: musl\n---\n--- a/greeting.txt\t2020-01-01\n+++ b/greeting.txt\t2020-01-01\n" + (
    b"@@ -29,5 +29,5 @@\n line 29\n line 30\n-line 31\n+line 31 for musl\n line 32\n line 33\n"
)
BROKEN = b"--- a/greeting.txt\n+++ b/greeting.txt\n" + (
    b"@@ -1,2 +1,2 @@\n-line 1\n+first\n line 2\n@@ -39,2 +39,2 @@\n line 39\n-line 40\n+last\n"
)


def test_patches_are_dropped_refreshed_and_named(tree: Aports) -> None:
    patches = {"upstream.patch": UPSTREAM, "musl.patch": MUSL}
    tree.recipe("foo", patches=patches)
    tree.recipe("odd", patches={"broken.patch": BROKEN})
    tree.commit_all()
    new = GREETING.replace(b"line 20\n", b"LINE 20\n").replace(b"line 29\n", b"new\nmore\nline twenty-nine\n")
    tree.release("foo", "1.1", {"greeting.txt": new})
    tree.release("odd", "1.1", {"greeting.txt": GREETING.replace(b"line 40\n", b"the end\n")})
    before = tree.files("odd")
    start = tree.git("rev-parse", "HEAD")
    done = tree.bump("foo-1.1", "odd-1.1")
    assert done.status == 1, str(done)
    assert "main/foo: upstream.patch is upstream now: dropped" in done.err
    assert "main/foo: musl.patch refreshed (greeting.txt: hunk 1: offset 2, fuzz 1)" in done.err
    assert "broken.patch does not apply: greeting.txt: hunk 2 (line 39) does not fit" in done.err
    assert tree.files("odd") == before
    assert tree.subjects(start) == ["main/foo: upgrade to 1.1"]
    folder = tree.place.aports / "main/foo"
    assert not (folder / "upstream.patch").exists()
    assert (folder / "musl.patch").read_bytes() == MUSL.partition(b"@@")[0] + (
        b"@@ -31,5 +31,5 @@\n line twenty-nine\n line 30\n-line 31\n+line 31 for musl\n line 32\n line 33\n"
    )
    recipe = (folder / "APKBUILD").read_text()
    assert "upstream.patch" not in recipe
    assert recipe.count("musl.patch") == 2
    changed = tree.git("show", "--format=", "--name-status", "HEAD").splitlines()
    assert changed == ["M\tmain/foo/APKBUILD", "M\tmain/foo/musl.patch", "D\tmain/foo/upstream.patch"]
    assert tree.git("status", "--porcelain") == ""


@pytest.mark.parametrize("how", ["path", "absolute", "folder", "file"])
def test_what_lies_outside_of_the_recipe_stays(tree: Aports, how: str) -> None:
    """However a recipe leads there: the file is another's, and nobody keeps it to put it back."""
    shared = tree.place.aports / "main/shared"
    shared.mkdir(parents=True)
    for name, content in (("upstream.patch", UPSTREAM), ("musl.patch", MUSL)):
        (shared / name).write_bytes(content)
    names = {
        "path": ("../shared/upstream.patch", "../shared/musl.patch"),
        "absolute": (f"{shared}/upstream.patch", f"{shared}/musl.patch"),
        "folder": ("link/upstream.patch", "link/musl.patch"),
        "file": ("upstream.patch", "musl.patch"),
    }[how]
    folder = tree.recipe("foo")
    if how == "folder":
        (folder / "link").symlink_to("../shared")
    elif how == "file":
        for name in names:
            (folder / name).symlink_to(f"../shared/{name}")
    apkbuild = folder / "APKBUILD"
    text = apkbuild.read_text()
    sums = "".join(
        f"{hashlib.sha512(content).hexdigest()}  {name}\n"
        for name, content in zip(names, (UPSTREAM, MUSL), strict=True)
    )
    text = text.replace("$pkgver.tar.gz", f"$pkgver.tar.gz {' '.join(names)}", 1)
    apkbuild.write_text(text.replace("foo-1.0.tar.gz\n", f"foo-1.0.tar.gz\n{sums}", 1))
    tree.commit_all()
    new = GREETING.replace(b"line 20\n", b"LINE 20\n").replace(b"line 29\n", b"new\nmore\nline twenty-nine\n")
    tree.release("foo", "1.1", {"greeting.txt": new})
    for words in (("--dry-run",), ()):
        done = tree.bump(*words, "foo-1.1")
        assert "Traceback" not in done.err, str(done)
        assert (shared / "upstream.patch").read_bytes() == UPSTREAM, str(done)
        assert (shared / "musl.patch").read_bytes() == MUSL, str(done)
        assert tree.git("status", "--porcelain") == "", str(done)


def test_a_patch_that_git_does_not_know(tree: Aports) -> None:
    tree.recipe("foo", patches={"upstream.patch": UPSTREAM, "musl.patch": MUSL})
    tree.git("add", "main/foo/APKBUILD")
    tree.git("commit", "--quiet", "-m", "without its patches")
    new = GREETING.replace(b"line 20\n", b"LINE 20\n").replace(b"line 1\n", b"line 0\nline 1\n")
    tree.release("foo", "1.1", {"greeting.txt": new})
    done = tree.bump("--no-build", "foo-1.1")
    assert done.status == 0, str(done)
    changed = tree.git("show", "--format=", "--name-status", "HEAD").splitlines()
    assert changed == ["M\tmain/foo/APKBUILD", "A\tmain/foo/musl.patch"]


# --- refusals --------------------------------------------------------------------------------------------------------


def test_what_is_refused(tree: Aports) -> None:
    for name in ("foo", "edited", "constant"):
        tree.recipe(name, "1.5")
    apkbuild = tree.place.aports / "main/constant/APKBUILD"
    apkbuild.write_text(
        "_commit=abc123\n" + apkbuild.read_text().replace("constant-$pkgver.tar.gz", "constant-1.5.tar.gz")
    )
    tree.commit_all()
    tree.release("constant", "1.6")
    (tree.place.aports / "main/edited/APKBUILD").open("a").write("# mine\n")
    before = {name: tree.files(name) for name in ("foo", "edited", "constant")}
    start = tree.git("rev-parse", "HEAD")
    for word, said in {
        "foo-1.5": "it has version 1.5 already",
        "foo-1.4": "1.4 is older than 1.5",
        "foo-1.5x.1": "is no version that apk can order",
        "foo-1.6": "main/foo: upstream: upstream (listing foo) has no version 1.6; the newest is 1.5",
        "edited-1.6": "it has uncommitted changes: main/edited/APKBUILD",
        "constant-1.6": "no source would change with pkgver 1.6",
    }.items():
        done = tree.bump(word)
        assert (done.status, said in done.err) == (1, True), f"{word}: {done}"
    assert "--set _commit=…" in done.err
    for words, said in {
        ("foo",): "version missing for foo",
        ("nowhere-1.0",): "no recipe, package, repository or folder of recipes: nowhere-1.0",
        ("foo-1.6", "main/foo-1.7"): "main/foo is named with two versions",
        ("--latest", "--rebuild", "foo"): "exclude each other",
        ("--fixes=CVE-2024-1", "foo-1.6", "edited-1.6"): "which of the 2 recipes?",
        ("--fixes=this", "foo-1.6"): "'this' names no vulnerability",
        ("--branch", "not..good", "foo-1.6"): "no branch can have that name",
        ("--push", "foo-1.6"): "there is no such remote",
        ("--jobs=0", "foo-1.6"): "--jobs takes a number",
    }.items():
        done = tree.bump(*words)
        assert (done.status, said in done.err) == (2, True), f"{words}: {done}"
    tree.git("checkout", "--quiet", "--detach")
    assert "detached HEAD" in tree.bump("foo-1.6").err
    assert {name: tree.files(name) for name in before} == before
    assert tree.git("rev-parse", "HEAD") == start


# --- failures of other kinds -----------------------------------------------------------------------------------------


def wait_until(condition: object, process: object) -> None:
    """Until a condition (called) holds, while a process lives."""
    end = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        assert process.poll() is None  # type: ignore[attr-defined]
        time.sleep(0.05)


def slow_and_quick(tree: Aports) -> None:
    """Two recipes, of which one builds for as long as anybody waits."""
    tree.recipe("quick")
    tree.recipe("slow", functions="build() { sleep 600; }\n", makedepends="quick")
    tree.commit_all()
    for name in ("quick", "slow"):
        tree.release(name, "1.1")
    folder = tree.place.aports / "main/slow"
    (folder / "src").mkdir()
    (folder / "src/earlier").write_text("what an earlier build left\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_while_it_builds(tree: Aports, number: int) -> None:
    slow_and_quick(tree)
    start, before = tree.git("rev-parse", "HEAD"), tree.files("slow")
    process = tree.start("slow-1.1", "quick-1.1")
    wait_until(lambda: tree.subjects(start) and (tree.place.aports / "main/slow/src/slow-1.1").exists(), process)
    done = tree.interrupt(process, number)
    assert tree.subjects(start) == ["main/quick: upgrade to 1.1"]
    if number == signal.SIGKILL:
        assert tree.files("slow") != before
        again = tree.bump("--no-build", "--dry-run", "quick-1.1")
        assert "main/slow: put back as it was before an earlier run, which was killed" in again.err
    else:
        assert done.status == 130, str(done)
        assert "main/slow   1.0-r0 -> 1.1-r0  not reached" in done.out
        assert "main/quick  1.0-r0 -> 1.1-r0  bumped" in done.out
    assert tree.files("slow") == before
    assert tree.git("status", "--porcelain") == ""
    assert not list((tree.place.aports / ".git").glob("abuildpy-bump*"))


def test_interrupted_before_anything_is_written(tree: Aports) -> None:
    tree.recipe("foo")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        apkbuild = tree.place.aports / "main/foo/APKBUILD"
        there = f"http://127.0.0.1:{silent.getsockname()[1]}"
        apkbuild.write_text(apkbuild.read_text().replace(tree.address, there))
        tree.commit_all()
        before = tree.files("foo")
        process = tree.start("foo-1.1")
        silent.settimeout(PATIENCE)
        connection, _ = silent.accept()
        with connection:
            done = tree.interrupt(process)
    assert done.status == 130, str(done)
    assert "interrupted: 1 recipe: 1 not reached" in done.out
    assert tree.files("foo") == before
    assert not list((tree.place.aports / "main").glob(".*"))


def test_what_needs_a_failed_one_is_held_back(tree: Aports) -> None:
    tree.recipe("base")
    tree.recipe("middle", makedepends="base")
    tree.recipe("top", makedepends="middle")
    tree.recipe("gone")
    tree.recipe("user", makedepends="gone")
    tree.commit_all()
    for name in ("middle", "top", "user"):
        tree.release(name, "1.1")
    tree.release("base", "1.1", {"nothing": b""})
    start, names = tree.git("rev-parse", "HEAD"), ("base", "middle", "top", "gone", "user")
    before = {name: tree.files(name) for name in names}
    done = tree.bump("--json", *(f"{name}-1.1" for name in names))
    assert done.status == 1
    results = {each["name"]: (each["status"], each["held_by"]) for each in json.loads(done.out)["recipes"]}
    assert results == {
        "main/base": ("failed", []),
        "main/middle": ("held-back", ["main/base"]),
        "main/top": ("held-back", ["main/base"]),
        "main/gone": ("failed", []),
        "main/user": ("held-back", ["main/gone"]),
    }
    assert {name: tree.files(name) for name in names} == before
    assert tree.git("rev-parse", "HEAD") == start


def test_a_hook_that_refuses(tree: Aports) -> None:
    for name in ("foo", "user"):
        tree.recipe(name, makedepends="foo" if name == "user" else "")
        tree.release(name, "1.1")
    tree.commit_all()
    hook = tree.place.aports / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no upgrades on Sundays\nexit 1\n")
    hook.chmod(0o755)
    before = tree.files("foo")
    done = tree.bump("user-1.1", "foo-1.1")
    assert done.status == 1
    assert "main/foo: commit: git commit refused: no upgrades on Sundays" in done.err
    assert "main/user  1.0-r0 -> 1.1-r0  held back by main/foo" in done.out
    assert tree.files("foo") == before
    assert tree.git("status", "--porcelain") == ""


# --- what is committed -----------------------------------------------------------------------------------------------


def test_titles_branch_and_push(tree: Aports) -> None:
    tree.recipe("foo")
    tree.recipe("bar", "2.0")
    tree.commit_all()
    tree.git("init", "--quiet", "--bare", str(tree.place.base / "remote"))
    tree.git("remote", "add", "upstream", str(tree.place.base / "remote"))
    tree.release("foo", "1.1_rc1")
    tree.release("bar", "1.9")
    start = tree.git("rev-parse", "HEAD")
    assert tree.bump("--branch=none", "foo-7").status == 1
    assert tree.git("branch", "--format=%(refname:short)") == "master"
    words = ("--no-build", "--branch=sec", "--push=upstream", "-m", "Because.\n\nSo.")
    done = tree.bump(
        *words, "--fixes=foo:CVE-2024-2,CVE-2024-1 GHSA-x-1", "--allow-downgrade", "foo-1.1_rc1", "bar-1.9"
    )
    assert done.status == 0, str(done)
    assert sorted(tree.subjects(start)) == [
        "main/bar: downgrade to 1.9",
        "main/foo: security upgrade to 1.1_rc1 (CVE-2024-2, CVE-2024-1)",
    ]
    assert tree.git("log", "-1", "--format=%b") == "Because.\n\nSo.\n"
    assert tree.git("symbolic-ref", "--short", "HEAD") == "sec"
    assert tree.git("rev-parse", "master") == start
    assert tree.git("ls-remote", "upstream", "refs/heads/sec").startswith(tree.git("rev-parse", "HEAD"))
    text = (tree.place.aports / "main/foo/APKBUILD").read_text()
    assert "# secfixes:\n#   1.1_rc1-r0:\n#     - CVE-2024-2\n#     - CVE-2024-1 GHSA-x-1\n" in text
    done = tree.bump("--no-build", "--rebuild=against bar-1.9", "foo")
    assert done.status == 0, str(done)
    assert tree.git("log", "-1", "--format=%s") == "main/foo: rebuild against bar-1.9"
    assert 'pkgrel="1"' in (tree.place.aports / "main/foo/APKBUILD").read_text()
    # Back to a version that it had: after its last pkgrel.
    tree.bump("--no-build", "--allow-downgrade", "foo-1.0")
    assert 'pkgver="1.0"\npkgrel="1"' in (tree.place.aports / "main/foo/APKBUILD").read_text()


def test_nothing_else_changes_in_the_recipe(tree: Aports) -> None:
    folder = tree.recipe("foo", "1.0-rc1")
    text = (folder / "APKBUILD").read_text()
    text = text.replace('pkgver="1.0-rc1"', "pkgver=${_ver/-/_} # as upstream\t has it")
    text = text.replace('pkgrel="0"', "pkgrel='7' ").replace("foo-$pkgver.tar.gz", "foo-$_ver.tar.gz")
    text = "# \udcff\n_ver=1.0-rc1   # see below\n" + text.replace("$pkgname-$pkgver", "$pkgname-$_ver")
    (folder / "APKBUILD").write_bytes(text.encode("utf-8", "surrogateescape"))
    tree.commit_all()
    digest = tree.release("foo", "1.1-rc2")
    done = tree.bump("--no-commit", "foo-1.1_rc2")
    assert done.status == 0, str(done)
    old = text.split("  foo-1.0-rc1.tar.gz")[0].rsplit("\n", 1)[1]
    new = text.replace("_ver=1.0-rc1 ", "_ver=1.1-rc2 ").replace("pkgrel='7' ", "pkgrel='0' ")
    new = new.replace(f"{old}  foo-1.0-rc1.tar.gz", f"{digest}  foo-1.1-rc2.tar.gz")
    assert (folder / "APKBUILD").read_bytes() == new.encode("utf-8", "surrogateescape")
    assert tree.git("status", "--porcelain") == " M main/foo/APKBUILD"
    # How to make 1.1 of a version with a dash in it cannot be told.
    tree.release("foo", "1.1")
    done = tree.bump("--no-build", "--no-commit", "foo-1.1")
    assert (done.status, "--set _ver=…" in done.err) == (1, True), str(done)
    assert tree.bump("--no-build", "--no-commit", "--set=_ver=1.1", "foo-1.1").status == 0
    tree.release("foo", "1.2-rc1")
    assert tree.bump("--no-build", "--no-commit", "--set=_ver=1.2-rc1", "foo-1.2_rc1").status == 0
    assert "_ver=1.2-rc1   # see below\n" in (folder / "APKBUILD").read_text(errors="surrogateescape")


def test_dry_run_and_latest(tree: Aports) -> None:
    tree.recipe("foo")
    tree.commit_all()
    tree.release("foo", "1.1")
    before = tree.files("foo")
    done = tree.bump("--dry-run", "foo-1.1")
    assert done.status == 0
    assert "--- a/main/foo/APKBUILD\n+++ b/main/foo/APKBUILD\n" in done.out
    assert '-pkgver="1.0"\n+pkgver="1.1"\n' in done.out
    assert tree.files("foo") == before
    assert tree.git("status", "--porcelain", "--ignored") == ""
    # Found by the list of what there is to download.
    done = tree.bump("--latest", "--no-build", "main")
    assert (done.status, tree.git("log", "-1", "--format=%s")) == (0, "main/foo: upgrade to 1.1"), str(done)
    done = tree.bump("--latest", "--json", "foo")
    assert (done.status, json.loads(done.out)["recipes"][0]["status"]) == (0, "unchanged"), str(done)


def test_a_download_that_keeps_its_name(tree: Aports) -> None:
    folder = tree.recipe("foo", "1.0", functions="unpack() { default_unpack; }\n")
    text = (folder / "APKBUILD").read_text()
    text = text.replace(f"{tree.address}/", f"foo.tar.gz::{tree.address}/").replace("foo-1.0.tar.gz", "foo.tar.gz")
    (folder / "APKBUILD").write_text(text)
    tree.commit_all()
    distfiles = tree.place.base / "distfiles"
    (distfiles / "foo.tar.gz").write_bytes((tree.releases / "foo-1.0.tar.gz").read_bytes())
    assert tree.bump("foo-1.2").status == 1
    assert (distfiles / "foo.tar.gz").read_bytes() == (tree.releases / "foo-1.0.tar.gz").read_bytes()
    digest = tree.release("foo", "1.1", {"greeting.txt": b"another\n"})
    done = tree.bump("foo-1.1")
    assert done.status == 0, str(done)
    assert f"{digest}  foo.tar.gz" in (folder / "APKBUILD").read_text()


def test_where_nothing_can_be_built(tree: Aports) -> None:
    """That is told once, before anything is fetched; what is not built can be bumped all the same."""
    tree.recipe("foo")
    tree.recipe("bar")
    tree.commit_all()
    for name in ("foo", "bar"):
        tree.release(name, "1.1")
    tree.place.configure("PACKAGER='A Tester <tester@example.invalid>'\n")
    done = tree.bump("foo-1.1", "bar-1.1")
    assert (done.status, done.out) == (2, "")
    assert done.err == ">>> ERROR: No private key found\n           run 'abuild-keygen -a' to create a key\n"
    assert [path for path in tree.asked if "1.1.tar" in path] == []
    assert tree.git("status", "--porcelain") == ""
    done = tree.bump("--dry-run", "foo-1.1")
    assert (done.status, "would be bumped" in done.out) == (0, True), str(done)
    done = tree.bump("--no-build", "foo-1.1", "bar-1.1")
    assert (done.status, "2 bumped" in done.out) == (0, True), str(done)


def test_without_git(tree: Aports) -> None:
    tree.recipe("foo")
    tree.release("foo", "1.1")
    subprocess.run(["rm", "-r", str(tree.place.aports / ".git")], check=True)
    done = tree.bump("foo-1.1")
    assert (done.status, "not in a git tree" in done.err) == (2, True), str(done)
    done = tree.bump("--no-commit", "foo-1.1")
    assert done.status == 0, str(done)
    assert 'pkgver="1.1"' in (tree.place.aports / "main/foo/APKBUILD").read_text()
    assert sorted(path.name for path in tree.place.aports.iterdir()) == [".gitignore", "main"]
    assert (tree.place.repodest / "main/x86_64/foo-1.1-r0.apk").is_file()


# --- what follows ----------------------------------------------------------------------------------------------------

LIBRARY = """\
build() {
	$CC $CFLAGS -shared -fPIC -Wl,-soname,libquill.so.${pkgver%%.*} -o libquill.so.${pkgver%%.*} quill.c
}
package() {
	install -Dm755 libquill.so.* -t "$pkgdir"/usr/lib
}
"""
USER = """\
build() {
	$CC $CFLAGS -o $pkgname user.c "$startdir"/../../stage/libquill.so
}
package() {
	install -Dm755 $pkgname -t "$pkgdir"/usr/bin
}
"""


def library_and_users(tree: Aports) -> None:
    """A library that is published, and two users of it, one of them of the other."""
    source = {"quill.c": b"int quill(void) { return 1; }\n"}
    tree.recipe("quill", "1.0", LIBRARY, files=source, arch="all")
    stage = tree.place.aports / "stage"
    stage.mkdir()
    for name, needs in (("scribe", "quill"), ("monk", "quill scribe")):
        user = {"user.c": b"int quill(void);\nint main(void) { return quill(); }\n"}
        tree.recipe(name, functions=USER, files=user, arch="all", makedepends=needs)
    tree.recipe("other")
    (stage / ".gitignore").write_text("*\n")
    tree.commit_all()
    link(tree, "1")
    done = tree.run("batch", "main")
    assert done.status == 0, str(done)
    tree.release("quill", "2.0", source)


def link(tree: Aports, major: str) -> None:
    """What the users are linked with, in the place of an installed library."""
    words = ["cc", "-shared", "-fPIC", f"-Wl,-soname,libquill.so.{major}", "-xc", "-", "-o", "libquill.so"]
    code = b"int quill(void) { return 1; }\n"
    subprocess.run(words, cwd=tree.place.aports / "stage", input=code, check=True)


def test_what_follows_is_told(tree: Aports) -> None:
    library_and_users(tree)
    start = tree.git("rev-parse", "HEAD")
    link(tree, "2")
    done = tree.bump("quill-2.0")
    assert tree.subjects(start) == ["main/quill: upgrade to 2.0"]
    assert done.status == 1, str(done)
    assert "not published: packages in the repository would lose what they need" in done.out
    assert "to be rebuilt now (2 recipes; --rebuild-dependants does it):\n    main/scribe: so:libquill.so.1" in done.out
    assert "main/quill: so:libquill.so.1 is gone" in done.err
    # One that has nothing to do with it is published all the same.
    tree.release("other", "1.1")
    done = tree.bump("--json", "other-1.1")
    assert (tree.place.repodest / "main/x86_64/other-1.1-r0.apk").is_file(), str(done)
    assert json.loads(done.out)["recipes"][0]["lost"] == []  # its own name stays, in another version
    assert not (tree.place.repodest / "main/x86_64/quill-2.0-r0.apk").exists()


def test_what_follows_is_rebuilt(tree: Aports) -> None:
    library_and_users(tree)
    start = tree.git("rev-parse", "HEAD")
    link(tree, "2")
    done = tree.bump("--rebuild-dependants", "quill-2.0")
    assert done.status == 0, str(done)
    assert tree.subjects(start) == [
        "main/quill: upgrade to 2.0",
        "main/scribe: rebuild against quill-2.0",
        "main/monk: rebuild against quill-2.0",
    ]
    folder = tree.place.repodest / "main/x86_64"
    for name in ("quill-2.0-r0", "scribe-1.0-r1", "monk-1.0-r1"):
        assert (folder / f"{name}.apk").is_file()
    assert 'pkgrel="0"' in (tree.place.aports / "main/other/APKBUILD").read_text()


def test_a_rebuild_that_fails(tree: Aports) -> None:
    library_and_users(tree)
    start, before = tree.git("rev-parse", "HEAD"), tree.files("scribe")
    (tree.place.aports / "stage/libquill.so").unlink()
    done = tree.bump("--rebuild-dependants", "quill-2.0")
    assert done.status == 1
    assert tree.subjects(start) == ["main/quill: upgrade to 2.0"]
    assert "main/scribe  1.0-r0 -> 1.0-r1  failed: compile" in done.out
    assert "main/monk    1.0-r0 -> 1.0-r1  held back by main/scribe" in done.out
    assert tree.files("scribe") == before
    assert not (tree.place.repodest / "main/x86_64/quill-2.0-r0.apk").exists()
