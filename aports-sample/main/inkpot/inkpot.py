# SPDX-License-Identifier: MIT
"""A private module."""

INK = "black"
