# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out of a log why a build failed. Nothing here is imported before something has."""
