/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of the update under way, in bytes and back. */
#include "ota/journal.h"

#include <string.h>

#include "core/record.h"

static const char WHAT[] = "journal";

static const char *const phase_names[] = {
    [OTA_PHASE_IDLE] = "idle",           [OTA_PHASE_STAGING] = "staging",       [OTA_PHASE_COMMITTED] = "committed",
    [OTA_PHASE_ACTIVATED] = "activated", [OTA_PHASE_CONFIRMING] = "confirming", [OTA_PHASE_DOUBTED] = "doubted",
};

const char *ota_phase_name(enum ota_phase p) {
    return (unsigned)p < OTA_ARRAY_LEN(phase_names) ? phase_names[p] : "unknown";
}

static void write_step(struct ota_writer *w, const struct ota_journal_step *s, unsigned format) {
    ota_write_str(w, s->image.file);
    ota_write_str(w, s->image.label);
    ota_write_u8(w, (uint8_t)s->image.kind);
    ota_write_u32(w, s->image.length);
    ota_write_bytes(w, s->image.sha256, sizeof s->image.sha256);
    ota_write_u32(w, s->image.z_length);
    if (s->image.z_length > 0)
        ota_write_bytes(w, s->image.z_sha256, sizeof s->image.z_sha256);
    ota_write_u8(w, (uint8_t)s->state);
    ota_write_u32(w, s->stage_offset);
    ota_write_u32(w, s->dest_offset);
    ota_write_u32(w, s->dest_size);
    ota_write_u32(w, s->done);
    ota_write_str(w, s->etag);
    if (format > 1)
        ota_write_u8(w, s->plain);
}

static void read_step(struct ota_reader *r, struct ota_journal_step *s, unsigned format) {
    ota_read_str(r, s->image.file, sizeof s->image.file);
    ota_read_str(r, s->image.label, sizeof s->image.label);
    s->image.kind = (enum ota_kind)ota_read_u8(r);
    s->image.length = ota_read_u32(r);
    ota_read_bytes(r, s->image.sha256, sizeof s->image.sha256);
    s->image.z_length = ota_read_u32(r);
    if (s->image.z_length > 0)
        ota_read_bytes(r, s->image.z_sha256, sizeof s->image.z_sha256);
    s->state = (enum ota_step_state)ota_read_u8(r);
    s->stage_offset = ota_read_u32(r);
    s->dest_offset = ota_read_u32(r);
    s->dest_size = ota_read_u32(r);
    s->done = ota_read_u32(r);
    ota_read_str(r, s->etag, sizeof s->etag);
    if (format > 1)
        s->plain = ota_read_u8(r);
}

static bool step_sane(const struct ota_journal_step *s) {
    return (unsigned)s->image.kind < OTA_KIND_COUNT && (unsigned)s->state <= OTA_STEP_SKIPPED &&
           s->image.length <= OTA_IMAGE_LENGTH_MAX && s->done <= s->image.length &&
           (s->done % OTA_SECTOR == 0 || s->done == s->image.length);
}

enum ota_status ota_journal_encode(const struct ota_journal *j, uint8_t *out, size_t cap, size_t *len,
                                   struct ota_err *err) {
    const uint8_t format = j->format ? j->format : OTA_JOURNAL_VERSION;
    struct ota_writer w;
    ota_record_begin(&w, out, cap, format);
    ota_write_u8(&w, (uint8_t)j->phase);
    ota_write_u32(&w, j->counter);
    ota_write_str(&w, j->version);
    ota_write_u32(&w, j->old_app_offset);
    ota_write_u32(&w, j->new_app_offset);
    ota_write_u8(&w, j->table_round);
    ota_write_u8(&w, j->activations);
    ota_write_u8(&w, j->self_test_failed);
    ota_write_u8(&w, j->authenticated);
    ota_write_u8(&w, j->offline);
    if (format > 1) {
        ota_write_u8(&w, (uint8_t)j->door);
        ota_write_u32(&w, j->spent_s);
    }
    ota_write_u64(&w, j->saved_bytes);
    ota_write_u8(&w, j->count);
    for (size_t i = 0; i < j->count && i < OTA_STEPS_MAX; i++)
        write_step(&w, &j->step[i], format);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_journal_decode(struct ota_span in, struct ota_journal *j, struct ota_err *err) {
    struct ota_reader r;
    memset(j, 0, sizeof *j);
    OTA_TRY(ota_record_open(in, in.len && in.p[0] == 1 ? 1 : OTA_JOURNAL_VERSION, WHAT, &r, err));
    j->format = in.p[0];
    j->phase = (enum ota_phase)ota_read_u8(&r);
    j->counter = ota_read_u32(&r);
    ota_read_str(&r, j->version, sizeof j->version);
    j->old_app_offset = ota_read_u32(&r);
    j->new_app_offset = ota_read_u32(&r);
    j->table_round = ota_read_u8(&r);
    j->activations = ota_read_u8(&r);
    j->self_test_failed = ota_read_u8(&r);
    j->authenticated = ota_read_u8(&r);
    j->offline = ota_read_u8(&r);
    if (j->format > 1) {
        j->door = (enum ota_door)ota_read_u8(&r);
        j->spent_s = ota_read_u32(&r);
    }
    j->saved_bytes = ota_read_u64(&r);
    j->count = ota_read_u8(&r);
    bool sane = (unsigned)j->phase < OTA_ARRAY_LEN(phase_names) && j->count <= OTA_STEPS_MAX &&
                (unsigned)j->door <= OTA_DOOR_STREAM;
    for (size_t i = 0; sane && i < j->count; i++) {
        read_step(&r, &j->step[i], j->format);
        sane = r.bad || step_sane(&j->step[i]);
    }
    return ota_record_close(&r, sane, WHAT, err);
}
