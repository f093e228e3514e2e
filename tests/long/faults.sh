#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every eleventh of the calls of the verbs in tests/cli/faults.sh that may fail does, once; OTA_FAULT_STRIDE=1: every one.
cd "$(dirname "$0")/../.." || exit 1
OTA_FAULT_STRIDE=${OTA_FAULT_STRIDE:-11} exec tests/cli/faults.sh "$@"
