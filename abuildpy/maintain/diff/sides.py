# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two operands of a comparison mean: package files, folders of them, or a recipe's published and built packages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from abuildpy.errors import RecipeError, UsageError
from abuildpy.maintain.diff.packages import newest
from abuildpy.repository.apkfile import ApkFile

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.recipe.model import Recipe

Kind = Literal["file", "folder", "recipe"]


class OperandError(UsageError):
    """An operand that means nothing."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Sides:
    """The package files to be compared. ``left_out`` are recipes that only one side has packages of."""

    old: tuple[Path, ...]
    new: tuple[Path, ...]
    left_out: tuple[str, ...] = ()

    @property
    def is_pair(self) -> bool:
        """Whether it is two files that somebody named."""
        return len(self.old) == len(self.new) == 1


def kind_of(operand: Path) -> Kind:
    """What an operand is. Raises OperandError if it is nothing of use."""
    if operand.is_dir():
        return "recipe" if (operand / "APKBUILD").is_file() else "folder"
    if operand.name == "APKBUILD" and operand.is_file():
        return "recipe"
    if operand.is_file():
        return "file"
    there = "is no file or folder" if os.path.lexists(operand) else "does not exist"
    raise OperandError(f"{operand} {there}", hint="name a package, a folder of packages, or a recipe's folder")


def in_folder(folder: Path, arch: str) -> tuple[Path, ...]:
    """The package files of a folder, or of the repositories below it: in ``ARCH`` or ``REPOSITORY/ARCH``.

    Raises OperandError if there is none.
    """
    for pattern in ("*.apk", f"{arch}/*.apk", f"*/{arch}/*.apk"):
        found = sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
        if found:
            return tuple(found)
    raise OperandError(f"{folder} has no packages", hint=f"looked for *.apk in it, in {arch}/ and in */{arch}/")


def both(
    old: Path,
    new: Path,
    arch: str,
    *,
    published: Callable[[Path], Sequence[Path]],
    built: Callable[[Path], Sequence[Path]],
) -> Sides:
    """What two operands mean together: of a file and a folder, the packages of the file's name; of two folders, those of the
    recipes that both have packages of. ``published`` and ``built`` give the packages of a recipe, by its folder.

    Raises OperandError, RecipeError, RepositoryError.
    """
    kinds = (kind_of(old), kind_of(new))
    if kinds == ("file", "file"):
        return Sides((old,), (new,))
    before = _packages(old, kinds[0], arch, published)
    after = _packages(new, kinds[1], arch, built)
    one, other = newest(before), newest(after)
    if "file" in kinds:
        common = set(one) & set(other)
        if not common:
            name = next(iter(one if kinds[0] == "file" else other))
            place = new if kinds[0] == "file" else old
            raise OperandError(f"{place} has no package {name}", hint="compare files of different names directly")
        return Sides(tuple(one[name].path for name in common), tuple(other[name].path for name in common))
    origins = _origins(one.values()) & _origins(other.values())
    if not origins:
        raise OperandError(f"{old} and {new} have no packages of the same recipe", hint="there is nothing to compare")
    left_out = (_origins(one.values()) | _origins(other.values())) - origins
    return Sides(_of(one.values(), origins), _of(other.values(), origins), tuple(sorted(left_out)))


def _packages(operand: Path, kind: Kind, arch: str, of_recipe: Callable[[Path], Sequence[Path]]) -> Sequence[Path]:
    if kind == "file":
        return (operand,)
    return in_folder(operand, arch) if kind == "folder" else of_recipe(operand)


def _origin(apk: ApkFile) -> str:
    return apk.info.last("origin") or apk.name


def _origins(apks: Iterable[ApkFile]) -> set[str]:
    return {_origin(apk) for apk in apks}


def _of(apks: Iterable[ApkFile], origins: set[str]) -> tuple[Path, ...]:
    return tuple(apk.path for apk in apks if _origin(apk) in origins)


# --- recipes -----------------------------------------------------------------------------------------------------


def built_package(name: str, recipe: Recipe, config: Config) -> Path:
    """The package file of a recipe that was just built. Raises RecipeError if it is not there."""
    from abuildpy.phases.upkeep import package_path

    file = f"{name}-{recipe.version}.apk"
    common = config.repodest / recipe.repo / config.carch / file
    candidates = (common, package_path(recipe, config, name), recipe.startdir / file)
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise RecipeError(f"can't find {file}", hint=f"it should be in {common.parent}: build it first")
    return found


def built_packages(recipe: Recipe, config: Config) -> list[Path]:
    """All package files of a recipe that was built; subpackages that it did not come to make are left out.

    Raises RecipeError if the main package is not there.
    """
    found = [built_package(recipe.pkgname, recipe, config)]
    for name in recipe.package_names:
        try:
            found.append(built_package(name, recipe, config))
        except RecipeError:
            continue
    return list(dict.fromkeys(found))


def published_packages(recipe: Recipe, config: Config, downloads: Path) -> list[Path]:
    """The packages of a recipe that others have now: those of apk's repositories, fetched into ``downloads``; else the
    newest ones of another version that an earlier build left in the destination.

    Raises RecipeError if there are none.
    """
    from abuildpy.maintain.published import Published
    from abuildpy.repository.installed import apk_root
    from abuildpy.repository.version import sort_key

    root = apk_root(config.apk, os.environ) or Path("/")
    repositories = root / "etc/apk/repositories"
    published = Published(config.apk, repositories)
    found = []
    for name in recipe.package_names if repositories.is_file() else ():
        label = published.newest(name)
        target = downloads / f"{label or name}.apk"
        if label and published.fetch(name, target):
            found.append(target)
    if found:
        return found
    here = config.repodest / recipe.repo / config.carch
    for name in recipe.package_names:
        earlier = []
        for path in here.glob(f"{name}-[0-9]*.apk"):
            version = path.name[len(name) + 1 : -len(".apk")]
            if (
                version != recipe.version
                and version.rpartition("-r")[2].isdigit()
                and "-" not in version[: version.rfind("-r")]
            ):
                earlier.append((sort_key(version), path))
        if earlier:
            found.append(max(earlier)[1])
    if not found:
        raise RecipeError(
            f"no published or earlier package of {recipe.pkgname} is known",
            hint=f"{repositories} and {here} were looked at: name what to compare with: abuildpy diff OLD {recipe.startdir}",
        )
    return found
