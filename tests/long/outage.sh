#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The server stays away for longer than a new app waits for it; and an app that never finds it (tests/net/outage.sh).
cd "$(dirname "$0")/../.." || exit 1
OTA_OUTAGE_SECONDS=240 exec tests/net/outage.sh after_rollback past_both without_network
