# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches against a new source: which still fit, which have to be refreshed, which upstream has by now. Nothing is run."""
