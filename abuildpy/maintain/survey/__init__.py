# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an unpacked source, running nothing of it, for what a recipe of it has to say."""
