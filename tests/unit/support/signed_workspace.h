/* SPDX-License-Identifier: Apache-2.0 */
/* A workspace of two products in a temporary folder, its keys and first repository, releases for it, and a signer in a child. */
#ifndef OTA_TESTS_SIGNED_WORKSPACE_H
#define OTA_TESTS_SIGNED_WORKSPACE_H

#include "host/buf.h"
#include "host/signer_link.h"
#include "host/workspace.h"
#include "ota/release.h"

struct signed_workspace {
    struct ota_workspace w;
};
/* Products "thermo" (channels beta and stable) and "valve" (stable). Signed as of `now`. */
void signed_workspace_make(struct signed_workspace *s, uint64_t now);
void signed_workspace_remove(struct signed_workspace *s);

/* An app-only release of thermo for stable; its image is `version` repeated. */
void signed_workspace_release(struct ota_release *r, uint32_t counter, const char *version);

/* That image. */
void signed_workspace_image(const char *version, struct ota_buf *out);

struct handover {
    const char *id;
    const struct ota_release *release;
    const char *channel; /* request's, e.g. "stable 1000 *"; NULL: offered to nobody */
};
/* Signs and hands over as push does: state/incoming/<id>. */
void signed_workspace_hand_over(const struct signed_workspace *s, const struct handover *h);
/* The same with this file for app.bin's zlib form, of which release->step[0] tells; empty: none. */
void signed_workspace_hand_over_packed(const struct signed_workspace *s, const struct handover *h,
                                       struct ota_span packed);

/* ota_signer_serve() in a child process. End it with ota_signer_stop(). */
void signed_workspace_signer(const struct signed_workspace *s, struct ota_signer *signer);

#endif
