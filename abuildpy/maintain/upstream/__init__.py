# SPDX-License-Identifier: GPL-3.0-or-later
"""Newest upstream versions: which project a recipe packages, where that publishes, and what is newest there."""
