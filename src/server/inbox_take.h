/* SPDX-License-Identifier: Apache-2.0 */
/* One folder of the inbox that has become quiet: what arrived in it, may it be taken, and taking it. */
#ifndef OTA_SERVER_INBOX_TAKE_H
#define OTA_SERVER_INBOX_TAKE_H

#include "server/inbox.h"

/* Is this name an image of the folder? Loose files must end in .bin; folders hold images alone. */
bool ota_inbox_is_image(const struct ota_inbox_folder *f, const char *name);

/* OK: nothing new, or published (*published). BUSY, IO, NO_SPACE, ...: try again. Everything else is final until the
 * folder changes. The log has the reason and what to type. */
OTA_MUST_USE enum ota_status ota_inbox_take(struct ota_inbox *in, const struct ota_inbox_folder *f, bool *published);

#endif
