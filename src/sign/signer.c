/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in, signatures out; see signer.h. */
#include "sign/signer.h"

#include <string.h>
#include <time.h>

#include "host/fs.h"
#include "host/words.h"
#include "sign/key_scan.h"
#include "sign/online.h"

#define KEYS "keys"

/* ---- SIGN ------------------------------------------------------------------------------------------------- */

/* Counted from behind the roots, which follow the flags. */
enum { SIGN_TARGETS, SIGN_SNAPSHOT, SIGN_TIMESTAMP, SIGN_ROLLOUT, SIGN_WANTED, SIGN_PRODUCTS };
enum { SIGNED_ROLLOUT, SIGNED_SNAPSHOT, SIGNED_TIMESTAMP, SIGNED_TARGETS, SIGNED_PRODUCTS };

/* "clock-ok=0 roots=2 published=1" */
static bool read_flags(struct ota_span line, struct ota_online_proposal *p) {
    uint32_t clock_ok, roots, published;
    const struct {
        const char *name;
        uint32_t max, *value;
    } wanted[] = {{"clock-ok", 1, &clock_ok},
                  {"roots", OTA_ONLINE_ROOTS_MAX, &roots},
                  {"published", OTA_ONLINE_ROOTS_MAX, &published}};
    for (size_t i = 0; i < OTA_ARRAY_LEN(wanted); i++) {
        struct ota_span word = ota_words_take(&line, ' ');
        if (!ota_span_equal_str(ota_words_take(&word, '='), wanted[i].name) ||
            !ota_words_number(word, wanted[i].max, wanted[i].value))
            return false;
    }
    p->clock_ok = clock_ok == 1;
    p->root_count = roots;
    p->published = published - 1u;
    return line.len == 0 && published >= 1 && published <= roots;
}

static enum ota_status read_proposal(const struct ota_signer_message *m, struct ota_online_proposal *p,
                                     struct ota_err *err) {
    memset(p, 0, sizeof *p);
    if (m->count == 0 || !read_flags(ota_buf_span(&m->part[0]), p))
        return ota_err_set(err, OTA_ARGUMENT, "SIGN: flags are \"clock-ok=0|1 roots=N published=M\", M at most N");
    const struct ota_buf *part = &m->part[1 + p->root_count];
    if (m->count < 1 + p->root_count + SIGN_PRODUCTS || m->count > 1 + p->root_count + SIGN_PRODUCTS + OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "SIGN: %zu parts; flags, %zu roots, %d and one per product are wanted",
                           m->count, p->root_count, SIGN_PRODUCTS);
    for (size_t i = 0; i < p->root_count; i++)
        p->root[i] = ota_buf_span(&m->part[1 + i]);
    p->targets = ota_buf_span(&part[SIGN_TARGETS]);
    p->snapshot = ota_buf_span(&part[SIGN_SNAPSHOT]);
    p->timestamp = ota_buf_span(&part[SIGN_TIMESTAMP]);
    p->rollout = ota_buf_span(&part[SIGN_ROLLOUT]);
    p->wanted = ota_buf_span(&part[SIGN_WANTED]);
    for (const struct ota_buf *at = part + SIGN_PRODUCTS; at < m->part + m->count; at++)
        p->product[p->product_count++] = ota_buf_span(at);
    return OTA_OK;
}

static void hand_over(struct ota_buf *from, struct ota_buf *to) {
    *to = *from;
    *from = (struct ota_buf){0};
}

enum ota_status ota_signer_sign(const struct ota_keyring *keys, uint64_t life, const struct ota_signer_message *request,
                                struct ota_signer_message *answer, struct ota_err *err) {
    struct ota_online_proposal proposal;
    struct ota_last_signed past;
    OTA_CLEAN(ota_online_answer_free) struct ota_online_answer made = {0};
    OTA_TRY(read_proposal(request, &proposal, err));
    OTA_TRY(ota_last_signed_read(KEYS, &past, err));
    proposal.now = (uint64_t)time(NULL);
    proposal.life = life;
    OTA_TRY(ota_online_sign(keys, &proposal, &past, &made, err));
    if (made.root.len)
        OTA_TRY(ota_fs_write(KEYS "/root.json", made.root.p, made.root.len, 0600, err));
    OTA_TRY(ota_last_signed_write(KEYS, &past, err));
    hand_over(&made.rollout, &answer->part[SIGNED_ROLLOUT]);
    hand_over(&made.snapshot, &answer->part[SIGNED_SNAPSHOT]);
    hand_over(&made.timestamp, &answer->part[SIGNED_TIMESTAMP]);
    hand_over(&made.targets, &answer->part[SIGNED_TARGETS]);
    for (size_t i = 0; i < proposal.product_count; i++)
        hand_over(&made.product[i], &answer->part[SIGNED_PRODUCTS + i]);
    answer->type = OTA_SIGNER_SIGNED;
    answer->count = SIGNED_PRODUCTS + proposal.product_count;
    return OTA_OK;
}

/* ---- the loop --------------------------------------------------------------------------------------------- */

static enum ota_status answer_hello(const struct ota_keyring *keys, struct ota_signer_message *answer,
                                    struct ota_err *err) {
    struct ota_key_list list;
    OTA_TRY(ota_keyring_check(keys, err));
    OTA_TRY(ota_key_scan(KEYS, &list, err));
    ota_key_list_write(&list, &answer->part[0]);
    answer->type = OTA_SIGNER_HELLO;
    answer->count = 1;
    return OTA_OK;
}

static enum ota_status judge(uint64_t life, const struct ota_signer_message *request, struct ota_signer_message *answer,
                             struct ota_err *err) {
    OTA_CLEAN(ota_keyring_free) struct ota_keyring keys = {0};
    OTA_TRY(ota_keyring_load(&keys, KEYS, err));
    switch (request->type) {
    case OTA_SIGNER_HELLO:
        return answer_hello(&keys, answer, err);
    case OTA_SIGNER_SIGN:
        return ota_signer_sign(&keys, life, request, answer, err);
    case OTA_SIGNER_BUILD:
        return ota_signer_build(&keys, request, answer, err);
    default:
        return ota_err_set(err, OTA_UNSUPPORTED, "the signer knows no request of type %u", request->type);
    }
}

static enum ota_status refuse(int fd, const struct ota_err *why, struct ota_err *err) {
    const struct ota_span parts[] = {ota_span_str(ota_status_name(why->code)), ota_span_str(why->msg)};
    return ota_signer_send(fd, OTA_SIGNER_REFUSED, parts, OTA_ARRAY_LEN(parts), err);
}

static enum ota_status send_answer(int fd, const struct ota_signer_message *answer, struct ota_err *err) {
    struct ota_span parts[OTA_SIGNER_PARTS_MAX];
    for (size_t i = 0; i < answer->count; i++)
        parts[i] = ota_buf_span(&answer->part[i]);
    return ota_signer_send(fd, answer->type, parts, answer->count, err);
}

static enum ota_status serve_one(int fd, uint64_t life, bool *closed, struct ota_err *err) {
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message request = {0};
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    struct ota_err why;
    OTA_TRY(ota_signer_receive(fd, &request, -1, closed, err));
    if (*closed)
        return OTA_OK;
    if (judge(life, &request, &answer, &why) != OTA_OK)
        return refuse(fd, &why, err);
    return send_answer(fd, &answer, err);
}

enum ota_status ota_signer_serve(int fd, uint64_t life, struct ota_err *err) {
    bool closed = false;
    while (!closed)
        OTA_TRY(serve_one(fd, life, &closed, err));
    return OTA_OK;
}
