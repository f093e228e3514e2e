#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# More rounds behind a hostile proxy than make check has time for.
cd "$(dirname "$0")/../.." || exit 1
OTA_PROXY_ROUNDS=8 OTA_PROXY_SECONDS=60 exec tests/net/proxy.sh
