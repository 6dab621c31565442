# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates whole trees: are all values right, how long does it take, how much memory.

    python bench/evaluate.py check TREE [--every N]     every variable of every recipe against a plain ash of its own
    python bench/evaluate.py time TREE --lua DIR [--runs N]
                                                        cold and warm against lua-aports (a checkout of it) in one run

The plain ash gets the same environment, reads functions.sh, the helpers and the recipe, and prints its variables. For the
few that ``recipe.sh`` fills in after a recipe (``builddir``, ``subpackages`` with a -dbg, ...), ``recipe.sh`` is what it reads.
lua-aports runs with a /bin/sh that is BusyBox's ash, which takes a mount namespace of its own, so root; it needs Lua with
lfs, and abuild's functions.sh in /usr/share/abuild.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from abuildpy.config import RUNTIME_DIR, Config, load_config
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.recipe.answer import Answer
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.library import PASSING
from abuildpy.shell import find_ash, parse_variables
from abuildpy.ui.console import Console

_PLAIN = """
umask 022
. "$ABUILD_SHAREDIR/functions.sh"
. "$1/helpers.sh"
startdir=${APKBUILD%/*} srcdir=${APKBUILD%/*}/src pkgbasedir=${APKBUILD%/*}/pkg tmpdir=${APKBUILD%/*}/tmp
cd "$startdir"
. "$APKBUILD" >/dev/null 8>&-
set >&8
"""
_WHOLE = """
umask 022
. "$ABUILD_SHAREDIR/functions.sh"
. "$1/helpers.sh"
_ab_trace= _ab_runtime=$1
. "$1/recipe.sh" >/dev/null 8>&-
set >&8
"""
_FILLED_IN = frozenset(
    "program FAKEROOT APK SUDO_APK ADDUSER ADDGROUP startdir srcdir pkgbasedir tmpdir repo repo_template SRCDEST builddir "
    "pkgarch subpackages CFLAGS CXXFLAGS DFLAGS CARGO_PROFILE_RELEASE_DEBUG CARGO_PROFILE_RELEASE_STRIP options GOCACHE "
    "GOMODCACHE GOTMPDIR CARGO_HOME HARECACHE allpackages pkgdir controldir sumalgo REPODEST".split()
)
_LOAD = """
package.path = "%s/?.lua;" .. package.path
local repos = {}
for i = 2, #arg do repos[#repos + 1] = arg[i] end
local db = require("aports.db").new(arg[1], repos)
local n = 0
for _ in pairs(db.dirs) do n = n + 1 end
print(n)
"""
_OURS = """
import sys
from abuildpy.config import load_config
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.ui.console import Console
answers = Evaluations(load_config(), Settings(quiet=True), Console(colors=False)).below(sys.argv[1:])
names = ("pkgname pkgver pkgrel pkgdesc arch license options depends makedepends checkdepends subpackages linguas source "
         "url provides").split()
print(sum(1 for values in (answer.variables for answer in answers) if [values.get(name) for name in names]))
"""


def main() -> int:
    """Returns 1 where a value is wrong or a ratio is above what is promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("check", "time"))
    parser.add_argument("tree", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lua", type=Path, help="checkout of lua-aports")
    options = parser.parse_args()
    tree = options.tree.resolve()
    folders = sorted({str(path.parent.parent) for path in tree.glob("*/*/APKBUILD")})
    if options.what == "check":
        return check(folders, options.every)
    return timing(tree, folders, options.lua, options.runs)


# --- values ------------------------------------------------------------------------------------------------------


def check(folders: list[str], every: int) -> int:
    """Compares all values, evaluated twice: anew and out of the cache."""
    config = load_config()
    with tempfile.TemporaryDirectory() as cache:
        config = Config(config.variables, config.exported, {**config.environ, "XDG_CACHE_HOME": cache})
        wrong = 0
        for turn in ("cold", "warm"):
            answers = list(Evaluations(config, Settings(quiet=True), Console(colors=False)).below(folders))[::every]
            with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                differing = [each for each in pool.map(lambda answer: _differences(answer, config), answers) if each]
            failed = sum(1 for answer in answers if answer.error)
            values = sum(len(answer.variables) for answer in answers)
            print(
                f"{turn}: {len(answers)} recipes, {values} values, {failed} fail as they do alone, {len(differing)} differ"
            )
            for each in differing[:10]:
                print("  " + each[:500])
            wrong += len(differing)
    return 1 if wrong else 0


def _differences(answer: Answer, config: Config) -> str:
    plain, whole = (_run(script, answer.path, config) for script in (_PLAIN, _WHOLE))
    if answer.error is not None or plain is None or whole is None:
        return "" if answer.error is not None and whole is None else f"{answer.path}: {answer.error} against {whole}"
    ours = answer.variables
    truth = {name: (whole if name in _FILLED_IN else plain).get(name) for name in (*plain, *whole)}
    names = [
        n for n in (*truth, *ours) if n not in PASSING and not n.startswith("_ab_") and n not in ("PWD", "APKBUILD")
    ]
    bad = [
        name
        for name in dict.fromkeys(names)
        if ours.get(name) != (truth.get(name) or "") and (name in ours or name not in config.environ)
    ]
    return f"{answer.path}: " + ", ".join(f"{n}={ours.get(n)!r} not {truth.get(n)!r}" for n in bad) if bad else ""


def _run(script: str, apkbuild: str, config: Config) -> dict[str, str] | None:
    receive, send = os.pipe()
    env = recipe_environment(config, apkbuild, colors=False)
    argv = [
        *find_ash(),
        "-c",
        f'exec "$@" 8>&{send}{"" if send == 8 else f" {send}>&-"}',
        "ash",
        *find_ash(),
        "-e",
        "-c",
        script,
        "ash",
        RUNTIME_DIR,
    ]
    with open(receive, "rb") as stream:
        try:
            process = subprocess.Popen(
                argv, env=env, cwd="/", pass_fds=(send,), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        finally:
            os.close(send)
        said = stream.read()
    return parse_variables(said) if process.wait() == 0 else None


# --- time --------------------------------------------------------------------------------------------------------


def timing(tree: Path, folders: list[str], lua: Path | None, runs: int) -> int:
    """Runs lua-aports, ours cold and ours warm in turn, as whole processes."""
    interpreter = shutil.which("lua5.4") or shutil.which("lua5.3") or shutil.which("lua")
    if lua is None or interpreter is None:
        print("--lua DIR and a Lua interpreter are needed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "load.lua")
        script.write_text(_LOAD % lua.resolve())
        ash = find_ash()[0]
        shell = os.path.realpath("/bin/sh")
        theirs = [
            *("unshare", "-m", "sh", "-c", f'mount --bind {ash} {shell} && exec "$@"', "sh"),
            *(interpreter, str(script), str(tree), *(os.path.basename(name) for name in folders)),
        ]
        ours = [sys.executable, "-c", _OURS, *folders]
        seconds: dict[str, list[float]] = {"lua-aports": [], "cold": [], "warm": []}
        for _ in range(runs):
            home = tempfile.mkdtemp(dir=folder)
            env = {**os.environ, "XDG_CACHE_HOME": home}
            for name, argv in (("lua-aports", theirs), ("cold", ours), ("warm", ours)):
                start = time.perf_counter()
                subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                seconds[name].append(time.perf_counter() - start)
            shutil.rmtree(home)
        peak = _peak(ours, folder)
    for name, found in seconds.items():
        ratios = [ours / theirs for ours, theirs in zip(found, seconds["lua-aports"], strict=True)]
        print(
            f"{name:10}  {statistics.median(found):6.3f} s  {statistics.median(ratios):5.2f}x  (best {min(found):.3f} s)"
        )
    print(f"memory, cold: {peak} MiB at most in one process")
    median = {name: statistics.median(found) for name, found in seconds.items()}
    good = median["cold"] <= 1.5 * median["lua-aports"] and median["warm"] <= 0.1 * median["lua-aports"] and peak < 300
    return 0 if good else 1


def _peak(argv: list[str], folder: str) -> int:
    env = {**os.environ, "XDG_CACHE_HOME": os.path.join(folder, "cold")}
    subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
