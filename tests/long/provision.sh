#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 1,000 boards provisioned in one run that is killed at random, again and again.
cd "$(dirname "$0")/../.." || exit 1
export PROVISION_BOARDS=${PROVISION_BOARDS:-1000} PROVISION_KILLS=${PROVISION_KILLS:-25}
exec tests/cli/provision_kill.sh
