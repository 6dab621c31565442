# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the publisher's tree tells of a recipe: sources that come from elsewhere, commit and date."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.batch.model import Task
from abuildpy.shell import words
from abuildpy.source.checksum import parse_sums
from abuildpy.source.uri import file_name, is_remote

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.ui.console import Console


class Told:
    """Answers for tasks of one batch, from any thread."""

    def __init__(self, config: Config, console: Console) -> None:
        from abuildpy.phases.evaluations import Evaluations
        from abuildpy.phases.settings import Settings

        self._config = config
        self._evaluations = Evaluations(config, Settings(quiet=True), console)
        self._lock = threading.Lock()

    def sources(self, task: Task) -> tuple[tuple[str, str], ...]:
        """Names and SHA-512 of a recipe's sources that come from elsewhere. Raises AbuildError."""
        with self._lock:
            (answer,) = self._evaluations.answers([f"{task.folder}/APKBUILD"])
        variables = answer.variables
        sums = {each.name: each.hash.lower() for each in parse_sums(variables.get("sha512sums", ""))}
        names = dict.fromkeys(file_name(word) for word in words(variables, "source") if is_remote(word))
        return tuple((name, sums[name]) for name in names if len(sums.get(name, "")) == 128)

    def provenance(self, task: Task) -> dict[str, str]:
        """Commit and date, as variables of a build. Raises ValueError."""
        from abuildpy.recipe.history import provenance

        known = provenance(Path(task.folder, "APKBUILD"), self._config.variables)
        return {"ABUILD_LAST_COMMIT": known.commit, "SOURCE_DATE_EPOCH": str(known.epoch)}
