#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man pages agree with the programs, and every command that README and man show exists.
exec "$OTA_TOP/tests/man.sh" "$OTA_BIN"
