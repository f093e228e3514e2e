/* SPDX-License-Identifier: Apache-2.0 */
/* What ESP-IDF's headers want of newlib and Debian's picolibc does not have. For type checks only: firmware/check.sh. */
#include <sys/reent.h>
