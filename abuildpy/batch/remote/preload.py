# SPDX-License-Identifier: GPL-3.0-or-later
"""For ``dask scheduler --preload abuildpy.batch.remote.preload``: a scheduler that does builds no harm.

Importing it is enough: distributed does so before it makes the scheduler, which reads these settings then.
"""

from abuildpy.batch.remote.settings import apply

apply()
