/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_CHECK_SYS_REENT_H
#define OTA_CHECK_SYS_REENT_H
struct _reent {
    int _errno;
};
#endif
