# SPDX-License-Identifier: GPL-3.0-or-later
"""Which function asks which kind of upstream."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from abuildpy.maintain.upstream.ask import forges, git, registries, sites
from abuildpy.maintain.upstream.ask.asking import Asking, Published

ASK: Mapping[str, Callable[[Asking], Published]] = {
    "github": forges.github,
    "gitlab": forges.gitlab,
    "gitea": forges.gitea,
    "bitbucket": forges.bitbucket,
    "sourcehut": git.ask,
    "git": git.ask,
    "cgit": forges.cgit,
    "gitweb": forges.cgit,
    "mercurial": forges.mercurial,
    "sourceforge": sites.sourceforge,
    "launchpad": sites.launchpad,
    "pypi": registries.pypi,
    "npm": registries.npm,
    "crates": registries.crates,
    "cpan": registries.cpan,
    "rubygems": registries.rubygems,
    "hackage": registries.hackage,
    "pecl": registries.pecl,
    "maven": registries.maven,
    "cran": registries.cran,
    "hex": registries.hex_packages,
    "goproxy": registries.goproxy,
    "gnome": sites.gnome,
    "kernel": sites.kernel,
    **dict.fromkeys(("listing", "kde", "xfce", "gnu", "xorg", "kernel.org", "mate", "gstreamer"), sites.listing),
    "page": sites.page,
    "anitya": sites.anitya,
    "debian-tracker": sites.debian,
}
