# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts around the diagnosis: the search, what varies, what is told."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from abuildpy.cli.reproduce import ReproduceUsageError, varied
from abuildpy.config import Config
from abuildpy.maintain.reproduce.around import can_show, emptied_for
from abuildpy.maintain.reproduce.job import blame_tools
from abuildpy.maintain.reproduce.model import (
    Applied,
    Dependency,
    Different,
    Evidence,
    Failed,
    Held,
    Pair,
    Report,
)
from abuildpy.maintain.reproduce.order import Circumstances, Order
from abuildpy.maintain.reproduce.search import culprits
from abuildpy.maintain.reproduce.subject import (
    Recorded,
    checkout,
    copy_recipe,
    exact_packages,
    exports_of,
    find_recipe,
)
from abuildpy.maintain.reproduce.text import as_document, conclusions, render
from abuildpy.maintain.reproduce.tools import Tools
from abuildpy.maintain.reproduce.variations import Base, combined, plan

NAMES = ("time", "zone", "locale", "umask", "user", "cores", "order", "host")


class _Builds:
    """Differences by the variations that make them, and how many builds were asked for."""

    def __init__(self, causes: dict[str, set[str]]) -> None:
        self.causes = causes
        self.count = 0

    def differing(self, some: tuple[str, ...]) -> frozenset[str]:
        self.count += 1
        return frozenset(key for key, names in self.causes.items() if names & set(some))


@pytest.mark.parametrize("suspects", [(), ("order",), ("time", "zone")])
def test_search_finds_every_culprit(suspects: tuple[str, ...]) -> None:
    for name in NAMES:
        builds = _Builds({"a": {name}})
        assert culprits(builds.differing, NAMES, ["a"], suspects) == {"a": (name,)}
        assert builds.count <= 7 + len(suspects)


def test_search_believes_a_good_suspect() -> None:
    builds = _Builds({"a": {"order"}, "b": {"order"}})
    assert culprits(builds.differing, NAMES, ["a", "b"], ["order"]) == {"a": ("order",), "b": ("order",)}
    assert builds.count == 1


def test_search_of_several() -> None:
    builds = _Builds({"a": {"time"}, "b": {"host"}, "c": {"zone", "time"}})
    found = culprits(builds.differing, NAMES, ["a", "b", "c"])
    assert {key: set(names) & {"time", "host", "zone"} for key, names in found.items()} == {
        "a": {"time"},
        "b": {"host"},
        "c": {"time"},  # one that makes the difference is enough
    } or found["c"] == ("zone",)


def test_search_gives_up_where_only_several_together_do_it() -> None:
    def differing(some: tuple[str, ...]) -> frozenset[str]:
        return frozenset({"a"}) if {"time", "host"} <= set(some) else frozenset()

    assert culprits(differing, NAMES, ["a"]) == {"a": ()}


def test_order_travels() -> None:
    order = Order("a", "b", "c", "d", "e", epoch=5, circumstances=Circumstances({"TZ": "X"}, cpus=(0, 2), ahead=3))
    line = order.dump()
    assert line.endswith(b"\n")
    assert Order.parse(line) == order


# --- what varies ------------------------------------------------------------------------------------------------------


def _base(**changes: object) -> Base:
    values = {"environ": {"PATH": os.environ["PATH"]}, "jobs": "2", "cpus": (0, 1), "wall": "bwrap", "uid": 65525}
    return Base(**{**values, **changes})  # type: ignore[arg-type]


def test_without_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be varied is told, with the reason."""
    monkeypatch.setattr("abuildpy.maintain.reproduce.tools._FAKETIME", ())
    tools = Tools(tmp_path, {"PATH": "/nowhere"})
    tools.begin(frozenset({"time", "order"}))
    made = plan(("time", "order"), _base(), tools)
    assert [(each.told.applied, "C compiler" in each.told.how) for each in made] == [(False, True), (False, True)]
    assert combined(made) == Circumstances()


def test_without_bubblewrap(tmp_path: Path) -> None:
    made = plan(("user", "host", "zone"), _base(wall="landlock"), Tools(tmp_path, {}))
    assert [each.told.applied for each in made] == [False, False, True]
    assert "landlock" in made[0].told.how


def test_faketime_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / f"libfaketime-{os.uname().machine}.so.1"
    library.touch()
    monkeypatch.setattr("abuildpy.maintain.reproduce.tools._FAKETIME", (str(library),))
    (made,) = plan(("time",), _base(), Tools(tmp_path, {"PATH": "/nowhere"}))
    assert made.told == Applied("time", True, made.told.how)
    assert "libfaketime" in made.told.how
    assert combined((made,)).faketime == str(library)


def test_each_is_another_one(tmp_path: Path) -> None:
    base = _base(environ={"TZ": "XYZ-13:37", "PATH": "/nowhere"}, jobs="1", cpus=(3,))
    made = combined(plan(("zone", "cores", "user", "host", "umask", "environment"), base, Tools(tmp_path, {})))
    assert made.variables["TZ"] != "XYZ-13:37"
    assert made.jobs == "3"
    assert made.cpus == ()
    assert made.uid not in (0, 65525)
    assert made.umask == 0o077


@pytest.mark.parametrize(
    ("vary", "no_vary", "package", "expected"),
    [
        ("", "", False, (*NAMES, "environment")),
        ("", "", True, ()),
        ("order,time", "", True, ("time", "order")),
        ("all", "time zone", False, (*NAMES[2:], "environment", "path")),
        ("none", "", False, ()),
        ("", "all", False, ()),
    ],
)
def test_lists(vary: str, no_vary: str, package: bool, expected: tuple[str, ...]) -> None:
    assert varied(vary, no_vary, package=package) == expected


def test_a_wrong_word() -> None:
    with pytest.raises(ReproduceUsageError, match="--no-vary: 'x' cannot be varied"):
        varied("", "x", package=False)


# --- the recipe -------------------------------------------------------------------------------------------------------


def _git(folder: Path, *arguments: str) -> str:
    name = ["-c", "user.name=A", "-c", "user.email=a@example.invalid"]
    done = subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_checkout_of_a_commit(tmp_path: Path) -> None:
    folder = tmp_path / "aports/main/foo"
    (folder / "inner").mkdir(parents=True)
    (folder / "APKBUILD").write_text("old")
    (folder / "inner/file").write_text("inner")
    (folder / "inner/file").chmod(0o755)
    (folder / "link").symlink_to("inner/file")
    (tmp_path / "aports/main/foo-bar").mkdir()
    (tmp_path / "aports/main/foo-bar/APKBUILD").write_text("other")
    _git(tmp_path / "aports", "init", "-q")
    _git(tmp_path / "aports", "add", ".")
    _git(tmp_path / "aports", "commit", "-q", "-m", "x")
    commit = _git(tmp_path / "aports", "rev-parse", "HEAD")
    (folder / "APKBUILD").write_text("new")
    target = tmp_path / "copy/main/foo"
    assert checkout(folder, commit, target)
    assert (target / "APKBUILD").read_text() == "old"
    assert (target / "link").read_text() == "inner"
    assert [(target / name).stat().st_mode & 0o755 for name in ("inner/file", "APKBUILD")] == [0o755, 0o644]
    assert (folder / "APKBUILD").read_text() == "new"
    assert sorted(path.name for path in target.iterdir()) == ["APKBUILD", "inner", "link"]
    assert not checkout(folder, "0" * 40, tmp_path / "nothing")
    for wrong in ("--upload-pack=x", f"--output={tmp_path}/written", "HEAD", "master", f"{commit}~0"):
        assert not checkout(folder, wrong, tmp_path / "nothing"), wrong
    assert not (tmp_path / "nothing").exists()
    assert not (tmp_path / "written").exists()
    (tmp_path / "link").symlink_to(tmp_path / "aports/main")
    assert checkout(tmp_path / "link/foo", commit, tmp_path / "through-a-link")
    (tmp_path / "plain/foo").mkdir(parents=True)
    assert not checkout(tmp_path / "plain/foo", commit, tmp_path / "nothing"), "git has no tree there"


def test_copy_leaves_builds_out(tmp_path: Path) -> None:
    folder = tmp_path / "foo"
    for name in ("src/deep", "pkg", "tmp", "files/src"):
        (folder / name).mkdir(parents=True)
    (folder / "APKBUILD").write_text("x")
    os.mkfifo(folder / "pipe")
    (folder / "files/closed").touch(0o600)
    (folder / "files/dangling").symlink_to("nothing")
    copy = tmp_path / "deep/copy"
    copy_recipe(folder, copy)
    assert sorted(path.name for path in copy.iterdir()) == ["APKBUILD", "files"]
    assert sorted(path.name for path in (copy / "files").iterdir()) == ["closed", "dangling", "src"]
    assert (copy / "files/src").stat().st_mode & 0o777 == 0o755
    assert (copy / "files/closed").stat().st_mode & 0o777 == 0o644, "whoever builds can read it"
    assert os.readlink(copy / "files/dangling") == "nothing"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' folders to copy")
def test_what_root_copies_stays_its_owners(tmp_path: Path) -> None:
    folder = tmp_path / "foo"
    folder.mkdir()
    (folder / "APKBUILD").touch()
    (folder / "link").symlink_to("APKBUILD")
    os.chown(folder, 1234, 1235)
    copy_recipe(folder, tmp_path / "copy")
    for path in (tmp_path / "copy", *(tmp_path / "copy").iterdir()):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (1234, 1235), path


def test_where_recipes_are_found(tmp_path: Path) -> None:
    for place in ("main/foo", "testing/foo"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "APKBUILD").touch()
    assert find_recipe("foo", "testing", (tmp_path,)) == tmp_path / "testing/foo"
    assert find_recipe("foo", "gone", (tmp_path,)) == tmp_path / "main/foo"
    assert find_recipe("bar", "main", (tmp_path,)) is None


# --- what is told -----------------------------------------------------------------------------------------------------

TIME = Evidence("time", "gzip header", "offset 0x4", "2026-11-21 22:30:16", "2027-12-27 04:30:26")
ORDER = Evidence("order", "tar member", "offset 0x0", "a, b", "b, a")
GUESS = Evidence("random", "", "", "12345", "54321", sure=False)
ID = Evidence("derived", "build id", "section .note.gnu.build-id", "aa", "bb", follows=True)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (Different("f", ("content",), (TIME, ID)), [("time", "gzip header")]),
        (Different("f", ("content",), (TIME,), varied=("time",)), [("time", "gzip header")]),
        (Different("f", ("content",), (TIME,), varied=("order",)), [("order", "")]),
        (Different("f", ("content",), (GUESS,), varied=("host",)), [("host", "")]),
        (Different("f", ("content",), (GUESS,)), [("random", "")]),
        (Different("f", ("content",), (ID,)), [("derived", "build id")]),
        (Different("f", ("content",), (), always=True), [("race", "")]),
        (Different("f", ("content",), (ORDER, TIME), always=True), [("time", "gzip header"), ("order", "tar member")]),
        (Different("f", ("content",)), [("unknown", "")]),
    ],
)
def test_conclusions(file: Different, expected: list[tuple[str, str]]) -> None:
    assert conclusions(file) == expected


def _report(**changes: object) -> Report:
    files = (
        Different("usr/share/a.gz", ("content",), (TIME,), varied=("time",)),
        Different("usr/share/b.gz", ("content",), (TIME,), varied=("time",)),
        Different("usr/share/c", ("content",), (), ("-" + "x" * 150, "+y"), always=True),
    )
    values = {
        "recipe": "foo",
        "version": "1.0-r0",
        "against": None,
        "result": "different",
        "variations": (Applied("time", True, "the clock is ahead"), Applied("order", False, "no compiler is there")),
        "pairs": (Pair("foo-1.0-r0.apk", 9, files), Pair("foo-doc-1.0-r0.apk", 2)),
        "builds": 4,
        "seconds": 12.3,
        "searched": True,
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def test_text() -> None:
    text = render(_report())
    assert text.count("compress without the time: gzip -n") == 1, "what is alike is explained once"
    assert text.index("a.gz") < text.index("b.gz") < text.index("gzip -n") < text.index("usr/share/c")
    assert "order  not varied: no compiler is there\n" in text
    assert text.endswith("foo-1.0-r0: not reproducible: 3 files in 1 of 2 packages differ (4 builds, 12 s)\n")
    assert "\033" not in text
    assert "\033[1;31m" in render(_report(), colors=True)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_fits(width: int) -> None:
    report = _report(
        paths=(Held("foo.apk", "usr/bin/foo", "offset 0x10", "/home/me/aports"),),
        dependencies=(Dependency("musl", "1.2.4-r1", "1.2.5-r0"), Dependency("gcc", "13", "")),
        notes=("something to know that is rather long, and goes on for longer than many a terminal is wide, so",),
    )
    lines = render(report, width=width).splitlines()
    assert max(map(len, lines)) <= max(width, 60)
    assert any("musl: 1.2.5-r0 instead of 1.2.4-r1" in line for line in lines)


def test_text_of_success_and_failure() -> None:
    good = _report(result="reproducible", pairs=(Pair("foo-1.0-r0.apk", 9),))
    assert "foo-1.0-r0: reproducible: the package is the same to the byte (4 builds, 12 s)\n" in render(good)
    bad = _report(result="unbuildable", pairs=(), failed=Failed("build failed", Path("log"), ("host",)))
    text = render(bad)
    assert "The varied build fails: build failed" in text
    assert "Varying the machine's name alone makes it fail." in text


def test_other_versions_are_blamed_where_nothing_else_is_known() -> None:
    known = Different("a", ("content",), (TIME,))
    pair = blame_tools(
        Pair("foo.apk", 3, (known, Different("b", ("content",)), Different("c", ("content",), always=True)))
    )
    assert [conclusions(file)[0][0] for file in pair.files] == ["time", "tools", "race"]
    assert "build with the versions recorded" in render(_report(pairs=(pair,)))
    assert "nothing →" not in render(_report(pairs=(pair,)))


def test_document() -> None:
    found = as_document(_report())
    assert found["result"] == "different"
    assert [package["identical"] for package in found["packages"]] == [False, True]
    (cause,) = found["packages"][0]["files"][0]["causes"]
    assert cause == {
        "cause": "time",
        "meaning": "the time of the build",
        "advice": "compress without the time: gzip -n",
    }


def test_where_a_recipe_can_be_shown(tmp_path: Path) -> None:
    gone = tmp_path / "gone/main/foo"
    assert emptied_for(tmp_path) is None
    assert emptied_for(gone) == tmp_path
    assert emptied_for(Path("/home/nobody-has-this/aports")) is None
    assert can_show(gone, [])
    assert not can_show(gone, [tmp_path / "needed"])
    assert not can_show(Path("/nobody-has-this/foo"), [])
    assert not can_show(Path("/usr/nobody-has-this/foo"), [])
    assert not can_show(tmp_path / "../x", [])
    assert not can_show(Path("/" + "x" * 5000), [])


def test_recorded_environment() -> None:
    """What the configuration says anyway is not repeated; what is ours stays ours; abuild adds -g by itself."""
    config = Config({"CFLAGS": "-Os", "LANG": "C", "JOBS": "2"}, frozenset({"CFLAGS", "LANG", "JOBS"}), {})
    variables = {
        "CFLAGS": "-Os -g",
        "CXXFLAGS": "-O1 -g",
        "LANG": "C",
        "JOBS": "5",
        "PATH": "/x",
        "REPODEST": "/y",
        "CCACHE_DIR": "$HOME/.ccache",
        "bad name": "x",
        "LDFLAGS": "it's",
    }
    recorded = Recorded("", 0, "Some Body <some@body.example>", variables=variables, debug=True)
    assert exports_of(recorded, config)[0].splitlines() == [
        "export CXXFLAGS=-O1",
        "export JOBS=5",
        "export LDFLAGS='it'\"'\"'s'",
        "PACKAGER='Some Body <some@body.example>'",
    ]
    assert "export CFLAGS='-Os -g'" in exports_of(replace(recorded, debug=False), config)[0]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("CHOST", "aarch64-alpine-linux-musl", "export CHOST=aarch64-alpine-linux-musl\n"),
        ("CHOST", "", "export CHOST=''\n"),
        ("LC_TIME", "de_DE", "export LC_TIME=de_DE\n"),
        ("LANG", "C -g", "export LANG='C -g'\n"),
        ("LDFLAGS", "-L$HOME/lib", ""),
        ("GOFLAGS", "-x", "export GOFLAGS=-x\n"),
    ],
)
def test_what_a_buildinfo_may_say(name: str, value: str, line: str) -> None:
    """Also what the configuration here has, but keeps for itself; not what was in another home."""
    config = Config({"GOFLAGS": "-x"}, frozenset(), {})
    assert exports_of(Recorded("", 0, "", variables={name: value}, debug=True), config) == (line, ())


def test_without_a_buildinfo_nothing_is_set() -> None:
    assert exports_of(Recorded("", 0, ""), Config({}, frozenset(), {})) == ("", ())


def test_only_packages_are_asked_of_apk() -> None:
    strange = {"a": "1 /x", "b c": "1", "/tmp/x": "1", "-q": "1", "\ud800": "1", "d": "\ud800", "e": ""}
    recorded = Recorded("", 0, "", installed={"zlib": "1.3~a_git1-r0", "g++": "13-r0", **strange})
    assert exact_packages(recorded) == ("g++=13-r0", "zlib=1.3~a_git1-r0")
    assert exact_packages(Recorded("", 0, "")) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ABUILD_NET", "always"),
        ("ABUILD_REQUIRE_SANDBOX", "none"),
        ("ABUILD_PASS_ENV", "*"),
        ("CARGO_HOME", "/root/.ssh"),
        ("GOCACHE", "/root/.ssh"),
        ("CCACHE_DIR", "/root/.ssh"),
        ("USE_CCACHE", "1"),
        ("SUDO_APK", "/tmp/run-me"),
        ("APK", "/tmp/run-me"),
        ("LD_PRELOAD", "/tmp/x.so"),
        ("LD_AUDIT", "/tmp/x.so"),
        ("PYTHONPATH", "/tmp"),
        ("ENV", "/tmp/x.sh"),
        ("PATH", "/tmp"),
        ("SRCDEST", "/root"),
        ("CBUILDROOT", "/"),
        ("DISTFILES_MIRROR", "http://elsewhere.example"),
        ("ABUILD_SHAREDIR", "/tmp"),
        ("source", "../../secret"),
        ("builddir", "/etc"),
        ("install", "../../secret"),
        ("CARCH", "../../../../x"),
        ("CARCH", "x/y"),
        ("CHOST", ".."),
        ("LC_X;id", "x"),
        ("x\nid\ny", "x"),
        ("CFLAGS", "a\0b"),
        ("CFLAGS", "\ud800"),
    ],
)
def test_what_a_buildinfo_may_not_say(name: str, value: str) -> None:
    """It is a stranger's: no network, folder, program or wall of this machine is his to choose."""
    lines, left = exports_of(Recorded("", 0, "", variables={name: value}), Config({}, frozenset(), {}))
    assert lines == ""
    assert left in ((), (name,))
    assert bool(left) == (name not in ("PATH", "CBUILDROOT", "USE_CCACHE")), "it is told"


def test_options_of_a_buildinfo_open_no_network() -> None:
    lines, left = exports_of(Recorded("", 0, "", variables={"options": "!check net"}), Config({}, frozenset(), {}))
    assert (lines, left) == ("export options='!check'\n", ())


def test_names_of_a_package_lead_into_trees_only(tmp_path: Path) -> None:
    tree = tmp_path / "aports"
    for place in (tree / "main/foo", tmp_path / "elsewhere"):
        place.mkdir(parents=True)
        (place / "APKBUILD").touch()
    for name in ("../elsewhere", "../../elsewhere", str(tmp_path / "elsewhere"), "*", "**", "", ".", "..", "a\0b"):
        assert find_recipe(name, "main", (tree,)) is None, name


def test_names_of_a_strangers_files_command_no_terminal() -> None:
    evil = "a\x1b]0;x\x07\x9b31m\u202e\nb"
    file = Different(evil, ("content",), (Evidence("time", evil, evil, evil, evil),), ("-x",))
    pair = Pair(evil, 1, (file,))
    report = Report(
        evil, evil, Path(evil), "different", (), (pair,), None, None, (Dependency(evil, evil, evil),), (evil,), builds=2
    )
    for width in (0, 80):
        assert all(c.isprintable() or c == "\n" for c in render(report, width=width))
