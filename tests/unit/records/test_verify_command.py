# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy verify`` as it is typed: what it says of good and bad packages, and its exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from recordkit import Build, make_build, signer

from abuildpy.cli import verify
from abuildpy.package.sign import Signer
from abuildpy.repository.index import INDEX_NAME

APK, PROVENANCE, SPDX = "tool-1.0-r0.apk", "tool-1.0-r0.provenance.json", "tool-1.0-r0.spdx.json"


class Said(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(scope="module")
def key() -> Signer:
    return signer()


@pytest.fixture
def built(tmp_path: Path, key: Signer, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build whose folder is the current one, and its key in the folder ``keys`` beside that."""
    build = make_build(tmp_path / "packages", key)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / build.signer.name).write_bytes(build.signer.public_pem)
    monkeypatch.chdir(build.folder)
    return build


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path, keys: str = "../keys") -> Said:
        capfd.readouterr()
        status = verify.main(["--keys-dir", keys, *map(str, arguments)])
        return Said(status, *capfd.readouterr())

    return run


def test_all_that_is_good_is_told(built: Build, run: Run) -> None:
    signed = "signature by me-1.rsa.pub, content, index, provenance by me-1.rsa.pub, spdx, buildinfo"
    assert run("--require", "all", APK, built.path("tool-doc-1.0-r0.apk"), INDEX_NAME) == Said(
        0,
        f"{APK}: OK\n  {signed}\n{built.path('tool-doc-1.0-r0.apk')}: OK\n  {signed}\n"
        f"{INDEX_NAME}: OK\n  signature by me-1.rsa.pub\n",
        "",
    )


def test_what_nobody_signed_and_what_is_missing_is_told(built: Build, run: Run) -> None:
    built.path(PROVENANCE).unlink()
    built.path(INDEX_NAME).unlink()
    alone = "it fits, and nobody has signed it"
    assert run(APK) == Said(
        0,
        f"{APK}: OK\n  signature by me-1.rsa.pub, content, spdx ({alone}), buildinfo ({alone}); without index, provenance\n",
        "",
    )


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("spdx", 0), ("spdx,index buildinfo", 0), ("provenance", 1), ("index,provenance", 1), ("all", 1)],
)
def test_what_is_required_has_to_be_there(built: Build, run: Run, wanted: str, status: int) -> None:
    built.path(PROVENANCE).unlink()
    found = run(f"--require={wanted}", APK)
    assert found.status == status
    assert found.out.startswith(f"{APK}: OK") == (status == 0)
    assert found.err.splitlines() == [f">>> ERROR: {APK}: there is no {PROVENANCE}"] * status


def test_each_thing_that_is_wrong_is_told_and_the_other_files_all_the_same(built: Build, run: Run) -> None:
    for name in (PROVENANCE, SPDX):
        built.path(name).write_bytes(b"{}\n")
    Path("text.apk").write_text("hello\n")
    found = run("text.apk", "gone.apk", APK, "tool-doc-1.0-r0.apk", SPDX)
    assert found.status == 1
    assert found.out == ""
    errors = [line.removeprefix(">>> ERROR: ") for line in found.err.splitlines() if line.startswith(">>> ERROR")]
    assert [error.split(": ")[:2] for error in errors[2:]] == [
        [APK, PROVENANCE],
        [APK, SPDX],
        ["tool-doc-1.0-r0.apk", PROVENANCE],
        [SPDX, "nothing to verify by itself"],
    ]
    assert "text.apk is not a usable apk file" in errors[0]
    assert "gone.apk" in errors[1]
    assert "it was changed since, or is another build's" in found.err


def test_a_key_of_nobody(built: Build, run: Run, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    found = run(INDEX_NAME, keys="../none")
    assert (found.status, found.out, "UNTRUSTED" in found.err) == (1, "", True)


def test_json(built: Build, run: Run) -> None:
    built.path(SPDX).write_bytes(b"{}\n")
    built.path(INDEX_NAME).unlink()
    found = run("--json", APK, "tool-doc-1.0-r0.apk")
    assert (found.status, found.err) == (1, "")
    bad, good = json.loads(found.out)
    assert (bad["path"], bad["ok"], good["ok"]) == (APK, False, True)
    answers = {each["kind"]: each["answer"] for each in bad["checks"]}
    assert answers == {
        **dict.fromkeys(("signature", "content", "provenance", "buildinfo"), "ok"),
        "index": "missing",
        "spdx": "bad",
    }
    assert {each["hint"] is None for each in good["checks"]} == {True}
    assert run("--json", "tool-doc-1.0-r0.apk").status == 0


def test_the_index_that_is_named_counts(built: Build, run: Run, tmp_path: Path) -> None:
    index = tmp_path / "other.tar.gz"
    built.path(INDEX_NAME).rename(index)
    assert "without index" in run(APK).out
    assert "content, index" in run("--index", index, APK).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "usage:"),
        (
            ("--require=index,all,taste", APK),
            "--require takes some of signature, content, index, provenance, spdx, buildinfo",
        ),
        (("--index=gone", APK), "--index gone: there is no such file"),
        (("--index=.", APK), "--index .: there is no such file"),
        (("--keys-dir=gone", APK), "--keys-dir gone: there is no such folder"),
    ],
)
def test_a_wrong_command_line(built: Build, run: Run, words: tuple[str, ...], said: str) -> None:
    found = run(*words)
    assert (found.status, found.out, said in found.err) == (2, "", True), found


def test_without_a_folder_of_keys_those_of_the_system_and_ones_own_count(
    built: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ABUILD_USERDIR", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert verify.main([INDEX_NAME]) == 1
    (tmp_path / "user").mkdir()
    private = tmp_path / "user/me-1.rsa"
    private.touch()
    Path(f"{private}.pub").write_bytes(built.signer.public_pem)
    (tmp_path / "user/abuild.conf").write_text(f'PACKAGER_PRIVKEY="{private}"\n')
    assert verify.main([INDEX_NAME]) == 0, capfd.readouterr().err
