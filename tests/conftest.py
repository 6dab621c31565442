# SPDX-License-Identifier: GPL-3.0-or-later
"""Property tests judge what is right, never how long it takes: a machine may be busy with other things."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("at-any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("at-any-speed")
