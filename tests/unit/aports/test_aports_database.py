# SPDX-License-Identifier: GPL-3.0-or-later
"""What an aport's variables come to, and by what it is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from aportkit import aport, database

from abuildpy.aports.database import Aport, read_database
from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import NOTHING, Answer, Fresh


def test_dependencies_come_in_order_without_versions() -> None:
    one = aport(
        "one",
        depends="a>=1 b<2\n\tc",
        makedepends="d=1-r0 e~1.2",
        makedepends_host="f",
        makedepends_build="g",
        checkdepends="h>1 a",
        options="net",
        depends_dev="x",
        install_if="y",
    )
    assert one.dependencies == ["a", "b", "c", "d", "e", "f", "g", "h", "a"]


def test_without_check_there_are_no_checkdepends() -> None:
    assert aport("one", checkdepends="a", options="net !check").dependencies == []
    assert aport("one", checkdepends="a", options="!checkroot").dependencies == ["a"]


def test_special_dependencies_keep_their_spelling() -> None:
    wanted = "!conflict so:libz.so.1 cmd:bash pc:zlib>=1.2 tagged@edge"
    assert aport("one", depends=wanted).dependencies == [
        "!conflict",
        "so:libz.so.1",
        "cmd:bash",
        "pc:zlib",
        "tagged@edge",
    ]


def test_subpackages_lose_function_and_architecture() -> None:
    one = aport("one", subpackages="one-dev one-doc:doc one-data:_data:noarch", linguas="de fr")
    assert one.subpackages == ["one-dev", "one-doc", "one-data", "one-lang-de", "one-lang-fr"]
    assert one.packages == ("one", *one.subpackages)


def test_only_white_space_of_the_shell_splits() -> None:
    assert aport("one", source="a\u00a0b c").words("source") == ["a\u00a0b", "c"]


def test_value_has_each_run_of_blanks_as_one() -> None:
    assert aport("one", pkgdesc="a  b\n\tc ").value("pkgdesc") == "a b c "
    assert aport("one").value("url") == ""


def test_architectures() -> None:
    for arch, builds in (
        *(("all", True), ("noarch", True), ("x86_64", True), ("aarch64", False), ("", False)),
        *(("all !x86_64", False), ("noarch !x86_64", False), ("all !aarch64", True), ("x86", False)),
    ):
        assert aport("one", arch=arch).builds_on("x86_64") is builds, arch


def test_file_of_a_package() -> None:
    assert aport("one", pkgver="2.0", pkgrel="3").apk("one-doc") == "one-doc-2.0-r3.apk"


def test_repository_is_named_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "main/inside"
    inside.mkdir(parents=True)
    for here, folder in (
        *((tmp_path, f"{tmp_path}/main/one"), (tmp_path, "main//one"), (inside.parent, "./one"), (inside, "../one")),
    ):
        monkeypatch.chdir(here)
        assert aport("one", folder).repository == "main"


def test_found_by_every_name() -> None:
    one = aport("one", subpackages="one-dev", provides="cmd:uno=1.0 virtual", depends="two two>1")
    two = aport("two", subpackages="one-dev", provides="virtual=2", depends="!one")
    known = database(one, two)
    assert known.by_name == {"one": [one], "one-dev": [one, two], "two": [two]}
    assert known.by_provided == {"cmd:uno": [one], "virtual": [one, two]}
    assert known.dependents == {"two": [one, one], "!one": [two]}
    assert known.by_folder == {"/aports/main/one": one, "/aports/main/two": two}
    assert list(known.providers("virtual")) == [one, two]
    assert list(known.providers("none")) == []
    assert [known.knows(name) for name in ("one-dev", "cmd:uno", "none")] == [True, True, False]


def test_names_of_packages_come_before_what_is_provided() -> None:
    provider, maker = aport("a", provides="b"), aport("b")
    assert list(database(provider, maker).providers("b")) == [maker, provider]


class Evaluator:
    """Answers from a table of variables (or errors) by the name of the folder."""

    def __init__(
        self, answers: Mapping[str, Mapping[str, str] | RecipeError], said: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.answers = answers
        self.said = said

    def __call__(self, paths: Iterable[str]) -> Iterator[Answer]:
        for path in paths:
            name = Path(path).parent.name
            answer, said = self.answers[name], self.said.get(name, ())
            if isinstance(answer, RecipeError):
                yield Answer(path, NOTHING, said, answer)
            else:
                yield Answer(path, Fresh({}, answer), said)


def test_recipes_that_cannot_be_evaluated_are_named_and_left_out(tmp_path: Path) -> None:
    broken = RecipeError("broken")
    answers: dict[str, Mapping[str, str] | RecipeError]
    answers = {"a": {"pkgname": "first"}, "b": broken, "c": {"pkgver": "1"}, "d": {"pkgname": "d"}}
    for name in answers:
        (tmp_path / "main" / name).mkdir(parents=True)
        (tmp_path / "main" / name / "APKBUILD").touch()
    main = f"{tmp_path}/main"
    known = read_database([main], Evaluator(answers, {"d": ("hello",)}))
    assert [(each.pkgname, each.folder) for each in known.aports] == [("first", f"{main}/a"), ("d", f"{main}/d")]
    assert all(isinstance(each, Aport) for each in known.aports)
    no_error, no_name, speaker = known.troubles
    assert (no_error.folder, no_error.error) == (f"{main}/b", broken)
    assert no_name.folder == f"{main}/c"
    assert no_name.error is not None
    assert no_name.error.message == f"{main}/c/APKBUILD: it sets no pkgname"
    assert (speaker.said, speaker.error) == (("hello",), None)


def test_repositories_come_in_the_order_given(tmp_path: Path) -> None:
    for path in ("main/z", "community/a"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "APKBUILD").touch()
    answers = {"z": {"pkgname": "z"}, "a": {"pkgname": "a"}}
    known = read_database([f"{tmp_path}/main", f"{tmp_path}/community"], Evaluator(answers, {}))
    assert [each.pkgname for each in known.aports] == ["z", "a"]
