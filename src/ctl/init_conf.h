/* SPDX-License-Identifier: Apache-2.0 */
/* The ota.conf that init writes, with its comments. Private to src/ctl. */
#ifndef OTA_CTL_INIT_CONF_H
#define OTA_CTL_INIT_CONF_H

#include "host/buf.h"
#include "host/config.h"

/* A product as init was told of it. */
struct ota_init_product {
    const char *name, *chip;
};
/* url NULL: https://<address of this machine>:8443. Fills *text (the file) and *config (what it says). USAGE names
 * the option that is wrong. */
OTA_MUST_USE enum ota_status ota_init_conf(const struct ota_init_product *product, size_t count, const char *url,
                                           struct ota_buf *text, struct ota_config *config, struct ota_err *err);

#endif
