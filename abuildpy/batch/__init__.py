# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuilds of many recipes: what is to be built in which order, and what became of it."""
