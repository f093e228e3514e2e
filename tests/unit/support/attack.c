/* SPDX-License-Identifier: Apache-2.0 */
/* The board before and after an attack. */
#include "attack.h"

#include <stdlib.h>

#include "unit.h"

static struct ota_err err;

int attack_setup(void **state) {
    trust_world_setup(state);
    struct trust_world *w = *state;
    bool unchanged;
    w->repo.hashes = false;
    w->repo.thermo_list = ENTRY(ATTACK_PATH);
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    (void)trust_open_path(w, "rollout/thermo/none", NULL, &err); /* the board knows this role too */
    assert_ota_ok(ota_trust_finish(&w->trust, true, &err));
    return 0;
}

void attack_sign(struct repo *r, const char *name, const struct repo_key *const *keys, size_t count) {
    static const char mark[] = "\"signed\":";
    OTA_CLEAN_FREE char *body = ota_strdup(strstr(ota_buf_text(repo_get(r, name)), mark) + strlen(mark));
    body[strlen(body) - 1] = '\0';
    repo_sign(r, name, body, keys, count);
}

/* ---- records ---- */

#define RECORDS_MAX 8u

struct records {
    size_t count;
    char name[RECORDS_MAX][OTA_KV_KEY_MAX + 1];
    struct ota_buf value[RECORDS_MAX];
    bool present[RECORDS_MAX];
};

/* Those named in `names`, separated by blanks. */
static void take(struct records *r, const struct ota_kv *kv, const char *names) {
    uint8_t value[OTA_METADATA_MAX];
    *r = (struct records){0};
    for (const char *p = names; *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " "), got = 0;
        assert_in_range(r->count, 0, RECORDS_MAX - 1);
        char *name = r->name[r->count];
        memcpy(name, p, len);
        enum ota_status status = kv->get(kv->ctx, name, value, sizeof value, &got, &err);
        r->present[r->count] = status == OTA_OK;
        assert_true(status == OTA_OK || status == OTA_NOT_FOUND);
        ota_buf_append(&r->value[r->count++], value, status == OTA_OK ? got : 0);
        p += len;
    }
}

static void compare(struct records *before, const struct ota_kv *kv, const char *names, const char *may_follow) {
    struct records after;
    take(&after, kv, names);
    for (size_t i = 0; i < before->count; i++) {
        const struct ota_buf *a = &before->value[i], *b = &after.value[i];
        bool same = before->present[i] == after.present[i] && a->len == b->len &&
                    (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
        if (!same && !strstr(may_follow, before->name[i]))
            fail_msg("the attack changed record %s", before->name[i]);
        ota_buf_free(&before->value[i]);
        ota_buf_free(&after.value[i]);
    }
}

/* ---- trust ---- */

static void expect_reason(const char *message, const char *reason) {
    if (!strstr(message, reason))
        fail_msg("refused with \"%s\", wanted: %s", message, reason);
}

void attack_refused_at(struct trust_world *w, const char *path, const char *may_follow, enum ota_status wanted,
                       const char *reason) {
    struct records before;
    bool unchanged;
    take(&before, &w->kv.port, ATTACK_STORE);
    assert_ota(trust_run(w, path, false, &unchanged, &err), wanted);
    expect_reason(err.msg, reason);
    compare(&before, &w->kv.port, ATTACK_STORE, may_follow);
}

void attack_refused_after(struct trust_world *w, const char *may_follow, enum ota_status wanted, const char *reason) {
    attack_refused_at(w, ATTACK_PATH, may_follow, wanted, reason);
}

void attack_refused(struct trust_world *w, enum ota_status wanted, const char *reason) {
    attack_refused_after(w, "", wanted, reason);
}

void attack_is_over(struct trust_world *w) {
    struct repo *r = &w->repo;
    bool unchanged;
    repo_bump(r);
    r->targets_version++;
    r->thermo_version++;
    r->pump_version++;
    r->rollout_version++;
    repo_publish(r);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
}

/* ---- the whole agent ---- */

int attack_world_setup(void **state) {
    *state = world_new();
    world_settle(*state);
    return 0;
}

int attack_world_teardown(void **state) {
    world_free(*state);
    return 0;
}

#define OWN_RECORDS "root rotated board journal server"

struct body {
    uint8_t *flash;
    uint32_t running;
    struct records own;
};

static void take_body(struct body *b, struct world *w) {
    b->flash = ota_calloc(1, FAKE_FLASH_SIZE);
    memcpy(b->flash, w->board->flash, FAKE_FLASH_SIZE);
    b->running = w->board->running;
    take(&b->own, &w->board->kv_port, OWN_RECORDS);
}

static void compare_body(struct body *b, struct world *w, const char *may_follow) {
    compare(&b->own, &w->board->kv_port, OWN_RECORDS, may_follow);
    if (memcmp(b->flash, w->board->flash, FAKE_FLASH_SIZE) != 0)
        fail_msg("the attack changed the flash");
    assert_int_equal(w->board->running, b->running);
    free(b->flash);
}

static void refused(struct world *w, bool staged, enum ota_status wanted, const char *reason) {
    struct body before;
    take_body(&before, w);
    assert_true(world_run(w));
    if (w->agent->last.code != wanted)
        fail_msg("got %s (%s), wanted %s", ota_status_name(w->agent->last.code), w->agent->last.msg,
                 ota_status_name(wanted));
    expect_reason(w->agent->last.msg, reason);
    if (staged) {
        const uint32_t hole = FAKE_STORAGE + FAKE_STORAGE_SIZE;
        memcpy(before.flash + FAKE_SLOT_1, w->board->flash + FAKE_SLOT_1, FAKE_STORAGE - FAKE_SLOT_1);
        memcpy(before.flash + hole, w->board->flash + hole, FAKE_FLASH_SIZE - hole);
    }
    compare_body(&before, w, staged ? "journal" : "");
}

void attack_world_refused(struct world *w, enum ota_status wanted, const char *reason) {
    refused(w, false, wanted, reason);
}

void attack_download_refused(struct world *w, enum ota_status wanted, const char *reason) {
    refused(w, true, wanted, reason);
}

void attack_world_ignored(struct world *w, const char *logged) {
    struct body before;
    take_body(&before, w);
    w->board->log.len = 0;
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
    if (!fake_board_logged(w->board, logged))
        fail_msg("not logged: %s, but %s", logged, ota_buf_text(&w->board->log));
    compare_body(&before, w, "");
}
