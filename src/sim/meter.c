/* SPDX-License-Identifier: Apache-2.0 */
/* Counting requests and bytes on their way to the agent. */
#include "sim/meter.h"

#include <string.h>

static enum ota_status no_power(struct ota_err *err) {
    return ota_err_set(err, OTA_NETWORK, "the power is off");
}

static void count_status(struct ota_meter *m, int status) {
    size_t i = 0;
    while (i < m->status_count && m->status[i].status != status)
        i++;
    if (i == OTA_METER_STATUSES_MAX)
        return;
    m->status_count = i == m->status_count ? i + 1 : m->status_count;
    m->status[i].status = status;
    m->status[i].count++;
}

static enum ota_status meter_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                  struct ota_err *err) {
    struct ota_meter *m = ctx;
    if (*m->off)
        return no_power(err);
    m->requests++;
    m->image = req->address == OTA_ADDRESS_TARGETS;
    enum ota_status status = m->inner->open(m->inner->ctx, req, resp, err);
    if (status != OTA_OK)
        m->unanswered++;
    else
        count_status(m, resp->status);
    return status;
}

static enum ota_status meter_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct ota_meter *m = ctx;
    if (*m->off)
        return no_power(err);
    OTA_TRY(m->inner->read(m->inner->ctx, p, cap, got, err));
    m->image_bytes += m->image ? *got : 0;
    return OTA_OK;
}

static void meter_close(void *ctx) {
    struct ota_meter *m = ctx;
    m->inner->close(m->inner->ctx);
}

void ota_meter_init(struct ota_meter *m, const bool *off) {
    memset(m, 0, sizeof *m);
    m->off = off;
    m->port = (struct ota_transport){.ctx = m, .open = meter_open, .read = meter_read, .close = meter_close};
}

void ota_meter_connect(struct ota_meter *m, const struct ota_transport *inner) {
    m->inner = inner;
}

void ota_meter_format(const struct ota_meter *m, char *out, size_t cap) {
    size_t n = ota_format(out, cap, "%u request%s", m->requests, m->requests == 1 ? "" : "s");
    const char *before = " (";
    for (size_t i = 0; i < m->status_count; i++) {
        n += ota_format(out + n, cap - n, m->status[i].count > 1 ? "%s%u x " : "%s", before, m->status[i].count);
        n += ota_format(out + n, cap - n, "%d", m->status[i].status);
        before = ", ";
    }
    if (m->unanswered)
        n += ota_format(out + n, cap - n, "%s%u without an answer", before, m->unanswered);
    if (m->requests)
        n += ota_format(out + n, cap - n, ")");
    (void)ota_format(out + n, cap - n, ", %llu bytes of images", (unsigned long long)m->image_bytes);
}
