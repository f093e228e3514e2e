/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls the server and the line to it: releases, the channel, faults. */
#include <string.h>

#include "walk.h"

#define RENEW_S (5u * 86400u)

/* ---- publishing ---------------------------------------------------------------------------------------- */

void walk_publish(struct walk *k) {
    struct fake_server *s = k->w->server;
    s->later = k->w->now - FAKE_NOW;
    k->published = k->w->now;
    fake_server_publish(s);
}

/* What any repository does that is looked after: expiry comes from a fault alone. And the stones of the channel that
 * this board may now take are offered. */
void walk_note_offer(struct walk *k) {
    const struct fake_server *s = k->w->server;
    if (k->w->now - k->published > RENEW_S)
        walk_publish(k);
    for (size_t i = 0; !s->no_channel && i < s->channel.path_count; i++)
        k->release[s->channel.path[i]].offered = true;
}

/* An old release leaves the list, but for what the channel offers. */
static void make_room(struct walk *k) {
    struct fake_server *s = k->w->server;
    while (s->release_count >= WALK_LISTED_MAX) {
        size_t drop = s->release[0].counter == s->channel.counter ? 1 : 0;
        memmove(&s->release[drop], &s->release[drop + 1], (s->release_count - drop - 1) * sizeof s->release[0]);
        s->release_count--;
    }
}

static void remember(struct walk *k, const char *kinds) {
    k->newest++;
    ota_format(k->release[k->newest].kinds, sizeof k->release[0].kinds, "%s", kinds);
}

void walk_release(struct walk *k, const char *kinds) {
    char version[OTA_VERSION_MAX + 1];
    remember(k, kinds);
    ota_format(version, sizeof version, "%u.0.0", (unsigned)k->newest);
    make_room(k);
    k->w->server->later = k->w->now - FAKE_NOW;
    k->w->server->no_channel = false;
    k->published = k->w->now;
    (void)sim_world_release(k->w, k->newest, version, kinds);
}

/* ---- releases ------------------------------------------------------------------------------------------ */

static void draw_kinds(struct walk *k, char kinds[12]) {
    size_t n = 0;
    if (walk_chance(k, 25))
        kinds[n++] = 't';
    if (walk_chance(k, 50))
        kinds[n++] = 's';
    if (walk_chance(k, 25))
        kinds[n++] = 'b';
    if (k->w->config.factory && walk_chance(k, 15))
        kinds[n++] = 'f';
    uint32_t kind = walk_below(k, 100);
    if (kind < 68 || n == 0)
        kinds[n++] = 'a';
    else if (kind < 80)
        kinds[n++] = 'F';
    else if (kind < 88)
        kinds[n++] = 'N';
    if (k->w->config.anti_rollback && walk_chance(k, 70))
        kinds[n++] = 'V';
    if (strchr("aFN", kinds[n - 1]) && walk_chance(k, 6))
        kinds[n++] = 'C';
    else if (k->w->config.secure_boot && !memchr(kinds, 'b', n) && walk_chance(k, 10))
        kinds[n++] = 'U';
    kinds[n] = '\0';
}

/* Over a stepping stone that is listed. */
static void ask_for_stone(struct walk *k) {
    struct fake_server *s = k->w->server;
    if (s->release_count < 2)
        return;
    struct ota_release *last = &s->release[s->release_count - 1];
    uint32_t stone = s->release[walk_below(k, (uint32_t)s->release_count - 1u)].counter;
    last->from_min = stone;
    s->channel.path_count = 2;
    s->channel.path[0] = stone;
    s->channel.path[1] = last->counter;
    walk_say(k, "  over release %u", (unsigned)stone);
}

void walk_any_release(struct walk *k) {
    struct fake_server *s = k->w->server;
    char kinds[12];
    uint32_t before = s->channel.counter;
    if (k->newest >= WALK_RELEASES_MAX)
        return;
    draw_kinds(k, kinds);
    walk_release(k, kinds);
    walk_say(k, "release %u: %s", (unsigned)k->newest, kinds);
    if (walk_chance(k, 15)) {
        ask_for_stone(k);
        walk_publish(k);
    } else if (walk_chance(k, 10)) {
        bool listed = false;
        for (size_t i = 0; i < s->release_count; i++)
            listed = listed || s->release[i].counter == before;
        if (!listed)
            return;
        fake_server_offer(s, before);
        walk_publish(k);
        walk_say(k, "  listed, but not offered");
    }
}

void walk_move_channel(struct walk *k) {
    struct fake_server *s = k->w->server;
    uint32_t to = s->release[walk_below(k, (uint32_t)s->release_count)].counter;
    s->no_channel = false;
    fake_server_offer(s, to);
    walk_publish(k);
    walk_say(k, "the channel offers release %u", (unsigned)to);
}

void walk_withdraw(struct walk *k) {
    k->w->server->no_channel = true;
    walk_publish(k);
    walk_say(k, "the channel offers nothing");
}

/* While the board downloads: the server has no context of ours. */
static struct walk *under_way;

static void on_image(struct fake_server *s) {
    (void)s;
    walk_move_channel(under_way);
    walk_note_offer(under_way);
}

void walk_withdraw_under_way(struct walk *k) {
    under_way = k;
    k->w->server->on_image = on_image;
    walk_say(k, "the channel will move while an image is downloaded");
}

/* ---- files --------------------------------------------------------------------------------------------- */

static struct fake_file *draw_image(struct walk *k) {
    struct fake_server *s = k->w->server;
    size_t images = 0;
    for (size_t i = 0; i < s->file_count; i++)
        images += strncmp(s->file[i].path, "t/", 2) == 0;
    size_t chosen = walk_below(k, (uint32_t)images);
    for (size_t i = 0; i < s->file_count; i++)
        if (strncmp(s->file[i].path, "t/", 2) == 0 && chosen-- == 0)
            return &s->file[i];
    return NULL;
}

void walk_damage_image(struct walk *k) {
    struct fake_file *f = draw_image(k);
    if (!f)
        return;
    size_t at = walk_below(k, (uint32_t)f->bytes.len);
    f->bytes.p[at] ^= (uint8_t)(1u << walk_below(k, 8));
    walk_say(k, "the server damages byte %zu of %s", at, f->path);
}

void walk_change_etags(struct walk *k) {
    struct fake_server *s = k->w->server;
    for (size_t i = 0; i < s->file_count; i++)
        ota_format(s->file[i].etag, sizeof s->file[i].etag, "\"%08x%zu\"", (unsigned)walk_below(k, UINT32_MAX), i);
    walk_say(k, "every file has another ETag");
}

/* ---- the line ------------------------------------------------------------------------------------------ */

void walk_network_good(struct walk *k) {
    struct fake_server *s = k->w->server;
    s->down = s->unauthenticated = false;
    s->retired = 0;
    s->fault_path = NULL;
    s->break_after = s->announce = 0;
    s->append = s->drop = 0;
    s->status = s->report_status = 0;
    s->retry_after = 0;
    k->line.slow_ms = 0;
}

static const char *draw_path(struct walk *k) {
    static const char *const path[] = {"t/",    "t/",     "t/",       "app.bin",        "storage.bin", "bootloader.bin",
                                       "m/",    "thermo", "snapshot", "timestamp.json", "rollout",     "root",
                                       "table."};
    return path[walk_below(k, OTA_ARRAY_LEN(path))];
}

static void answer_status(struct walk *k) {
    static const int status[] = {404, 500, 503, 403, 429};
    static const uint32_t after[] = {0, 0, 30, 3600, 4000000000u};
    struct fake_server *s = k->w->server;
    s->status = status[walk_below(k, OTA_ARRAY_LEN(status))];
    s->retry_after = after[walk_below(k, OTA_ARRAY_LEN(after))];
    if (walk_chance(k, 30))
        s->report_status = s->status;
    walk_say(k, "%s: %d, Retry-After %u", s->fault_path, s->status, (unsigned)s->retry_after);
}

void walk_network_fault(struct walk *k) {
    struct fake_server *s = k->w->server;
    walk_network_good(k);
    s->fault_path = draw_path(k);
    switch (walk_below(k, 9)) {
    case 0:
    case 1:
        s->down = true;
        walk_say(k, "the server is down");
        break;
    case 2:
        s->break_after = 1u + walk_below(k, 12000);
        walk_say(k, "%s: breaks after %u bytes", s->fault_path, (unsigned)s->break_after);
        break;
    case 3:
        s->announce = 1u + walk_below(k, 20000);
        walk_say(k, "%s: Content-Length %u", s->fault_path, (unsigned)s->announce);
        break;
    case 4:
        s->append = 1u + walk_below(k, 100);
        walk_say(k, "%s: %zu bytes too many", s->fault_path, s->append);
        break;
    case 5:
        s->drop = 1u + walk_below(k, 9000);
        walk_say(k, "%s: %zu bytes too few", s->fault_path, s->drop);
        break;
    case 6:
        s->retired = 1u + walk_below(k, 7);
        s->unauthenticated = walk_chance(k, 10);
        walk_say(k, "the CA of addresses %x is retired%s", s->retired, s->unauthenticated ? ", nothing is proven" : "");
        break;
    case 7:
        answer_status(k);
        break;
    default:
        k->line.slow_ms = 1u << walk_below(k, 18);
        walk_say(k, "every read takes %u ms", (unsigned)k->line.slow_ms);
        break;
    }
}
