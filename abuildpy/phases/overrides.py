# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of abuild that a recipe may bring its own version of, and what becomes of that version here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from abuildpy.errors import RecipeError
from abuildpy.recipe.model import Recipe


class Fate(Enum):
    """What happens with a recipe's own version of one of abuild's functions, in words for people."""

    PHASE = "run as a phase"
    SPLIT = "run as a split function, in a shell of its own"
    PLACE = "run behind the walls in place of our own step"
    STEP = "run where abuild runs it; what it leaves in .control.NAME/ goes into the package"
    VERB = "run when it is named on the command line, or called by the recipe"
    HELPER = "serves the recipe's functions and our shell library, which is all it is for"
    PARTLY = "serves the recipe's functions; what is done outside the shell does not ask it, and a warning says so"
    REFUSED = "refused by name"


STEPS = tuple(
    """
    pre_split prepare_subpackages prepare_package
    stripbin prepare_metafiles prepare_trace_rpaths prepare_symlinks prepare_pkgconfig_provides
    prepare_command_provides prepare_py_provides archcheck dir_has_arch_binaries postcheck
    scan_shared_objects find_scanelf_paths scan_symlink_targets scan_python3_dependency scan_pkgconfig_depends
    trace_apk_deps find_so_files real_so_path options_has get_maintainer
    """.split()
)
"""Steps of packaging. Where a recipe has one of its own, all are done in the packaging session's shell, in abuild's order."""

IN_PLACE: Mapping[str, tuple[str, ...]] = {
    "builddeps": ("builddeps",),
    "clean": ("clean",),
    "cleanup_srcdir": ("cleanup_srcdir", "default_cleanup_srcdir"),
    "fetch": ("fetch", "default_fetch", "uri_fetch", "uri_fetch_mirror"),
    "unpack": ("unpack", "default_unpack"),
    "validate": ("validate", "default_validate"),
}
"""Verbs that are done outside the recipe's shell unless the recipe has one of these functions."""

_REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        ("all", "build_abuildrepo", "rootbld", "rootbld_actions", "rootpkg", "runpart"),
        "it decides which steps a build has; redefine the steps themselves",
    ),
    **dict.fromkeys(
        ("create_apks", "apk_tar", "arch2dir", "update_abuildrepo_index"),
        "packages and indexes are made and signed outside the recipe's reach; package() and the split functions say "
        "what goes into them",
    ),
    **dict.fromkeys(
        ("subpkg_set", "subpkg_unset"), "packages are known before any function runs; name them in subpackages"
    ),
    **dict.fromkeys(
        ("set_source_date", "git_last_commit", "git_dirty", "git_last_commit_epoch"),
        "commit and date are known before any function runs; set ABUILD_LAST_COMMIT and SOURCE_DATE_EPOCH in the "
        "environment",
    ),
    **dict.fromkeys(
        ("subpkg_provides_so", "subpkg_provides_pc"), "write .provides-so, .provides-pc or a trace_apk_deps instead"
    ),
    "pc_to_apk_ver": "correct the version in the .pc file, or write a prepare_pkgconfig_provides",
    "want_check": "put !check into options, or let check() decide",
    "check_arch": "say it in arch",
}
"""Redefining these would be ignored silently, or means making packages in the recipe's own way."""

_NAMES: Mapping[Fate, str] = {
    Fate.PHASE: "build check default_check package prepare default_prepare mkusers",
    Fate.SPLIT: """
        bashcomp dbg dev devhelp doc fishcomp lang libs nftrules openrc pyc static systemd udev zshcomp
        default_bashcomp default_dbg default_dev default_devhelp default_doc default_fishcomp default_lang default_libs
        default_nftrules default_openrc default_pyc default_static default_systemd default_udev default_zshcomp
    """,
    Fate.PLACE: " ".join(name for names in IN_PLACE.values() for name in names),
    Fate.STEP: " ".join(STEPS),
    Fate.VERB: """
        checksum cleancache cleanoldpkg cleanpkg index installdeps listpkg sanitycheck snapshot sourcecheck srcpkg
        symlinksrc targz uninstalldeps verify
    """,
    Fate.HELPER: """
        amove arch_to_hostspec arch_to_triplet cross_compiling cross_creating die disable_colors enable_colors error
        error2 have_patches human_size install_has is_function logcmd makedepends_has msg msg2 pkginfo_val
        readconfig set_xterm_title source_has spell_error subpackage_types_has subpackages_has triggers_has
        triplet_to_arch triplet_to_libc update_config_guess update_config_sub usage warning warning2
    """,
    Fate.PARTLY: """
        abuildindex_up2date apk_add_makedeps apk_up2date calcdeps check_depends_dev check_depver check_fakeroot
        check_license check_maintainer check_provides check_secfixes_comment cleanup depends_has deplist_has deps
        do_fakeroot ensure_valid_filename filename_from_uri get_missing_deps is_remote list_has
        normalize_target_path rootbld_qemu_arch undeps up2date verify_pkgname
    """,
    Fate.REFUSED: " ".join(_REFUSED),
}

FATES: Mapping[str, Fate] = {name: fate for fate, names in _NAMES.items() for name in names.split()}
"""What happens with a recipe's own version, for every function that abuild 3.18 has."""


def in_place(recipe: Recipe, verb: str) -> bool:
    """Whether a verb that is ours otherwise is to be run as a function of the recipe's shell."""
    return any(name in recipe.functions for name in IN_PLACE.get(verb, (verb,)))


def own_verb(recipe: Recipe, verb: str) -> bool:
    """Whether a verb of ours that is named by hand means a function of the recipe instead."""
    return verb in recipe.functions and FATES.get(verb) is Fate.VERB


def own_steps(recipe: Recipe) -> tuple[str, ...]:
    """Packaging steps that the recipe does itself. Raises RecipeError for a function that cannot be handed over."""
    refused = [name for name in _REFUSED if name in recipe.functions]
    if refused:
        raise RecipeError(
            f"{recipe.path} redefines {', '.join(refused)}, which abuildpy does not leave to recipes",
            hint=_REFUSED[refused[0]],
        )
    return tuple(name for name in STEPS if name in recipe.functions)


def not_asked(recipe: Recipe) -> tuple[str, ...]:
    """Functions of the recipe that abuild would use in more places than we do."""
    return tuple(sorted(name for name in recipe.functions if FATES.get(name) is Fate.PARTLY))
