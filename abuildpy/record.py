# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen records for the few types that every start of a program needs.

``dataclasses`` imports ``inspect`` and with it costs more than starting Python does, on a path (``abuild -A``, ``listpkg``,
"nothing to do") whose whole work is a few milliseconds. To type checkers this *is* ``dataclasses.dataclass``; at run
time it is the part of it that those types use: fields with or without defaults, no default factories. ``replace`` likewise.
"""

from __future__ import annotations

__all__ = ["record", "replace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as record
    from dataclasses import replace
else:

    def record(*, frozen):
        """Class decorator; see the module. ``frozen`` must be True."""
        assert frozen

        def decorate(cls):
            names = tuple(cls.__annotations__)
            defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}

            def __init__(self, *args, **values):
                given = {**dict(zip(names, args)), **values}
                if len(args) > len(names) or not given.keys() <= set(names):
                    raise TypeError(f"{cls.__name__}: unexpected arguments")
                missing = [name for name in names if name not in given and name not in defaults]
                if missing:
                    raise TypeError(f"{cls.__name__}: missing {', '.join(missing)}")
                self.__dict__.update(defaults)
                self.__dict__.update(given)

            def __setattr__(self, name, value):
                raise AttributeError(f"{cls.__name__} is frozen")

            def __eq__(self, other):
                return self.__dict__ == other.__dict__ if other.__class__ is cls else NotImplemented

            def __repr__(self):
                inside = ", ".join(f"{name}={self.__dict__[name]!r}" for name in names)
                return f"{cls.__name__}({inside})"

            for method in (__init__, __setattr__, __eq__, __repr__):
                setattr(cls, method.__name__, method)
            cls.__hash__ = None
            return cls

        return decorate

    def replace(instance, **changes):
        """The same record with some fields changed."""
        return type(instance)(**{**instance.__dict__, **changes})
