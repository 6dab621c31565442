# SPDX-License-Identifier: GPL-3.0-or-later
"""abuildpy turns APKBUILD recipes into signed Alpine packages."""

__version__ = "0.1.0"
