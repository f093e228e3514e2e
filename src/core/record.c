/* SPDX-License-Identifier: Apache-2.0 */
/* Envelope of the agent's records: version byte, fields, CRC-32. */
#include "core/record.h"

#define CRC_LEN 4u

void ota_record_begin(struct ota_writer *w, uint8_t *out, size_t cap, uint8_t version) {
    *w = (struct ota_writer){.p = out, .cap = cap};
    ota_write_u8(w, version);
}

enum ota_status ota_record_end(struct ota_writer *w, const char *what, size_t *len, struct ota_err *err) {
    if (!w->bad)
        ota_write_u32(w, ota_crc32(0, w->p, w->len));
    if (w->bad)
        return ota_err_set(err, OTA_INTERNAL, "%s record: over %zu bytes", what, w->cap);
    *len = w->len;
    return OTA_OK;
}

enum ota_status ota_record_open(struct ota_span in, uint8_t version, const char *what, struct ota_reader *r,
                                struct ota_err *err) {
    if (in.len < 1 + CRC_LEN || ota_le32(in.p + in.len - CRC_LEN) != ota_crc32(0, in.p, in.len - CRC_LEN))
        return ota_err_set(err, OTA_JOURNAL, "%s record: damaged (%zu bytes, CRC-32 does not match)", what, in.len);
    if (in.p[0] != version)
        return ota_err_set(err, OTA_JOURNAL, "%s record: format %u, this firmware reads %u", what, in.p[0], version);
    *r = (struct ota_reader){.p = in.p, .len = in.len - CRC_LEN, .pos = 1};
    return OTA_OK;
}

enum ota_status ota_record_close(const struct ota_reader *r, bool sane, const char *what, struct ota_err *err) {
    if (r->bad || r->pos != r->len)
        return ota_err_set(err, OTA_JOURNAL, "%s record: its fields do not fill its %zu bytes", what, r->len);
    if (!sane)
        return ota_err_set(err, OTA_JOURNAL, "%s record: a field is out of range", what);
    return OTA_OK;
}
