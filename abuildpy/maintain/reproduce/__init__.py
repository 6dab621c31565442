# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether packages come out the same when they are built again, elsewhere and later; and why not."""
