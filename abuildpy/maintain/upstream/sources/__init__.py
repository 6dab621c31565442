# SPDX-License-Identifier: GPL-3.0-or-later
"""One module for each kind of place where upstreams publish, all of one shape.

``recognise(place, facts)`` tells which project an address belongs to (None if it is of another kind); nothing is asked
for that. What a kind answers is read by the module of the same name in ``ask``.
"""
