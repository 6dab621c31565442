# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole trees of recipes: which aports there are, what they make, and in which order they can be built."""
