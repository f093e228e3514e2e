#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every deliberate breakage of the verifier turns a unit test red (tests/mutation/list.txt).
exec "$OTA_TOP/tests/mutation/run.py"
