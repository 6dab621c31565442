# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of ``subpackages``: ``name[:split[:arch]]`` and what stands for the parts left out."""

from __future__ import annotations

from abuildpy.errors import RecipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_COMPLETIONS = {"-bash-completion": "bashcomp", "-zsh-completion": "zshcomp", "-fish-completion": "fishcomp"}
_ARCHLESS = ("-doc", "-openrc", "-lang", "sh-completion", "-pyc", "-nftrules", "-systemd", "-udev")


def parse_subpackage(word: str, variables: Mapping[str, str]) -> tuple[str, str, str, str]:
    """(name, split function, architecture, triplet) of one word, with the defaults (abuild 3.18, subpackages).

    ``variables`` are the recipe's: pkgname, pkgarch, CARCH and the triplets are used. Raises RecipeError for an
    architecture that is none of those a subpackage may have.
    """
    name, _, rest = word.partition(":")
    split, _, arch = rest.partition(":")
    resolved, triplet = _architecture(name, arch, variables)
    return name, split or default_split(name), resolved, triplet


def default_split(name: str) -> str:
    """Name of the split function for a subpackage that names none: the text after the last dash."""
    for suffix, function in _COMPLETIONS.items():
        if name.endswith(suffix):
            return function
    return name.rpartition("-")[2]


def _architecture(name: str, arch: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """(architecture, triplet). The order of the questions decides where host and build machine are the same."""
    value = variables.get
    carch, chost = value("CARCH", ""), value("CHOST", "")
    if not arch:
        archless = name != value("pkgname") and name.endswith(_ARCHLESS)
        return ("noarch" if archless else value("pkgarch", carch)), chost
    if arch in ("noarch", carch):
        return arch, chost
    if arch in ("all", chost):
        return carch, chost
    for machine in ("CBUILD", "CTARGET"):
        if arch in (value(f"{machine}_ARCH"), value(machine)):
            return value(f"{machine}_ARCH", ""), value(machine, "")
    raise RecipeError(
        f"subpackage {name}: the architecture '{arch}' is not one that can be built here",
        hint="use noarch, all, or one of $CHOST, $CBUILD, $CTARGET and their architectures",
    )
