/* SPDX-License-Identifier: Apache-2.0 */
/* The push command that does by hand what the inbox did not do. */
#ifndef OTA_SERVER_INBOX_HINT_H
#define OTA_SERVER_INBOX_HINT_H

#include "host/workspace.h"

/* "otactl -C /srv/ota push /srv/ota/images/thermo/app.bin --product thermo" for these files of the folder, with the
 * options they need. NULL when that command would be refused as well, or could not be judged here. The caller frees.
 * */
char *ota_inbox_by_hand(const struct ota_workspace *w, const struct ota_product_config *product, const char *folder,
                        const char *const *names, size_t count);

#endif
