/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of words; see release_request.h. */
#include "host/release_request.h"

void ota_release_request_write(const struct ota_release_request *r, struct ota_buf *out) {
    ota_buf_printf(out, "product %s\ncounter %u\nversion %s\n", r->product, r->counter, r->version);
    if (r->channel)
        ota_buf_printf(out, "channel %s %u %s\n", r->channel, r->permille, r->groups);
    ota_buf_printf(out, "by %s\n", r->by);
}
