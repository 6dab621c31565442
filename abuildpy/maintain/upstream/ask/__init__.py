# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks upstreams for their versions: one function for each kind, all of one shape, chosen by ``kind`` in ``table.py``.

Each takes an :class:`~abuildpy.maintain.upstream.ask.asking.Asking` and gives what is published there; FetchError where
there is no answer.
"""
