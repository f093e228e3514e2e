/* SPDX-License-Identifier: Apache-2.0 */
/* What two boards may not share: id and MAC, within a list and with what was made before. */
#include <stdlib.h>
#include <string.h>

#include "ctl/provision.h"
#include "host/err_place.h"

#define MAC_LEN 6u

/* ---- a MAC --------------------------------------------------------------------------------------------- */

static int digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Six bytes in hexadecimal, with ':' or '-' between all of them or none. */
static bool read_mac(const char *text, uint8_t out[MAC_LEN]) {
    size_t n = strlen(text), step = n == 3 * MAC_LEN - 1 ? 3 : 2;
    if (n != step * MAC_LEN - (step - 2) || (step == 3 && text[2] != ':' && text[2] != '-'))
        return false;
    for (size_t i = 0; i < MAC_LEN; i++) {
        const char *p = text + step * i;
        if (digit(p[0]) < 0 || digit(p[1]) < 0 || (step == 3 && i + 1 < MAC_LEN && p[2] != text[2]))
            return false;
        out[i] = (uint8_t)(digit(p[0]) * 16 + digit(p[1]));
    }
    return true;
}

enum ota_status ota_provision_mac(char **text, struct ota_err *err) {
    static const uint8_t zero[MAC_LEN] = {0};
    uint8_t m[MAC_LEN];
    if (!read_mac(*text, m))
        return ota_err_set(err, OTA_ARGUMENT, "mac \"%.40s\": aa:bb:cc:dd:ee:ff is wanted", *text);
    if ((m[0] & 1u) || memcmp(m, zero, sizeof m) == 0)
        return ota_err_set(err, OTA_ARGUMENT, "mac \"%s\" is %s, and no board's", *text,
                           m[0] & 1u ? "a group's address (its first byte is odd)" : "zero");
    free(*text);
    *text = ota_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    return OTA_OK;
}

/* ---- twice --------------------------------------------------------------------------------------------- */

struct mark {
    const char *text;
    const struct ota_provision_board *board;
};

static int by_text(const void *a, const void *b) {
    const struct mark *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order || !x->board || !y->board ? order
                                           : (x->board->line > y->board->line) - (x->board->line < y->board->line);
}

/* What the boards have in a column, sorted; the caller frees. */
static struct mark *marks_of(const struct ota_provision_list *l, enum ota_provision_column column, size_t *count) {
    struct mark *m = ota_calloc(l->count + 1, sizeof *m);
    *count = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->board[i].text[column])
            m[(*count)++] = (struct mark){l->board[i].text[column], &l->board[i]};
    qsort(m, *count, sizeof *m, by_text);
    return m;
}

static enum ota_status check_column(const struct ota_provision_list *l, enum ota_provision_column column,
                                    const char *what, struct ota_err *err) {
    size_t count;
    OTA_CLEAN_FREE struct mark *m = marks_of(l, column, &count);
    for (size_t i = 1; i < count; i++)
        if (strcmp(m[i].text, m[i - 1].text) == 0) {
            (void)ota_err_set(err, OTA_EXISTS, "%s %s is in line %u already", what, m[i].text, m[i - 1].board->line);
            return ota_provision_blame(l, m[i].board, err);
        }
    return OTA_OK;
}

enum ota_status ota_provision_unique(const struct ota_provision_list *l, struct ota_err *err) {
    OTA_TRY(check_column(l, OTA_COLUMN_ID, "board", err));
    return check_column(l, OTA_COLUMN_MAC, "mac", err);
}

static const struct mark *find(const struct mark *m, size_t count, const char *text) {
    const struct mark wanted = {text, NULL};
    return bsearch(&wanted, m, count, sizeof *m, by_text);
}

/* A board that is in the list has the MAC that the list says. */
enum ota_status ota_provision_unique_in(const struct ota_provision_list *l, const struct ota_provision_record *r,
                                        struct ota_err *err) {
    size_t id_count, mac_count;
    OTA_CLEAN_FREE struct mark *id = marks_of(l, OTA_COLUMN_ID, &id_count);
    OTA_CLEAN_FREE struct mark *mac = marks_of(l, OTA_COLUMN_MAC, &mac_count);
    for (size_t i = 0; mac_count && i < r->count; i++) {
        const struct ota_provision_entry *e = r->entry[i];
        const struct mark *same = e->mac && !find(id, id_count, e->id) ? find(mac, mac_count, e->mac) : NULL;
        if (same) {
            (void)ota_err_set(err, OTA_EXISTS, "mac %s is board %s's, says %s", e->mac, e->id,
                              OTA_SHORT_PATH(r->path, 60));
            return ota_provision_blame(l, same->board, err);
        }
    }
    return OTA_OK;
}
