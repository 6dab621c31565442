# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a batch on many machines, by way of Dask distributed."""
