# SPDX-License-Identifier: GPL-3.0-or-later
"""New versions for many recipes at once: edited, fetched, patches looked after, built, compared, committed; or as before."""
