#!/bin/sh
# SPDX-License-Identifier: MIT
echo "the hutch is empty"
