#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
exec "$OTA_TOP/tests/readme.sh"
