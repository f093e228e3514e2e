#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each call of the verbs in tests/cli/faults.sh that may fail does, once.
cd "$(dirname "$0")/../.." || exit 1
OTA_FAULT_STRIDE=1 exec tests/cli/faults.sh "$@"
