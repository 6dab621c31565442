#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later

exec /usr/bin/bookshelf index
