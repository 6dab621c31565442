# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build leaves beside its packages: how they were made, what they hold, and a signed statement of it."""
