# SPDX-License-Identifier: GPL-3.0-or-later
"""What commits say (aports, COMMITSTYLE.md)."""

from __future__ import annotations

from abuildpy.maintain.bump import Subject, Target, commit_message
from abuildpy.maintain.bumping.model import Edit


def message_of(edit: Edit, body: str = "") -> str:
    """``main/foo: upgrade to 1.2``, ``security upgrade to 1.2 (CVE-2024-1)``, ``downgrade to 1.0``, ``rebuild against bar-2``."""
    wish = edit.wish
    names = [each.split()[0] for each in edit.fixes]
    if edit.wish.rebuild:
        what = f"rebuild {edit.why}" if edit.why else f"fix {', '.join(names)}" if names else "rebuild"
        title = f"{wish.name}: {what}"
    elif edit.downgrade:
        title = f"{wish.name}: downgrade to {edit.pkgver}"
    else:
        subject = Subject(bool(names), ", ".join(names))
        title = commit_message(wish.section, Target(wish.pkgname, edit.pkgver), subject)
    return "\n\n".join([title, *([body.strip()] if body.strip() else [])]) + "\n"
