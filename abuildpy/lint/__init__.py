# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what is wrong or unusual in a recipe without running any of it."""
