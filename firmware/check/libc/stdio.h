/* SPDX-License-Identifier: Apache-2.0 */
/* ESP-IDF's <stdio.h> takes ssize_t from the one below it, where Debian's picolibc has none. For type checks only. */
#include <sys/types.h>
#include_next <stdio.h>
