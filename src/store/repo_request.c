/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the request of what was handed over; see repo_request.h. */
#include "store/repo_request.h"

#include <stdio.h>
#include <string.h>

#include "host/words.h"

#define PERMILLE_MAX 1000u

enum { KEY_PRODUCT, KEY_COUNTER, KEY_VERSION, KEY_CHANNEL, KEY_BY, KEY_CHANGE, KEY_COUNT };
static const char *const keys[KEY_COUNT] = {"product", "counter", "version", "channel", "by", "change"};

struct channel_line {
    char name[OTA_NAME_MAX + 1];
    uint32_t permille;
    char groups[OTA_GROUPS_MAX * (OTA_NAME_MAX + 1) + 1];
};

/* The signer checks each group; here only that nothing else hides in the line. */
static bool read_channel(struct ota_span line, struct channel_line *c) {
    struct ota_span name = ota_words_take(&line, ' ');
    return ota_name_valid(name) && ota_span_copy(name, c->name, sizeof c->name) &&
           ota_words_number(ota_words_take(&line, ' '), PERMILLE_MAX, &c->permille) && line.len > 0 &&
           memchr(line.p, ' ', line.len) == NULL && ota_span_copy(line, c->groups, sizeof c->groups);
}

static bool read_line(int key, struct ota_span value, struct ota_repo_request *out, struct channel_line *channel) {
    switch (key) {
    case KEY_PRODUCT:
        return ota_name_valid(value) && ota_span_copy(value, out->product, sizeof out->product);
    case KEY_COUNTER:
        return ota_words_number(value, OTA_COUNTER_MAX, &out->counter) && out->counter > 0;
    case KEY_CHANNEL:
        return read_channel(value, channel);
    case KEY_CHANGE:
        return value.len > 0 && ota_span_copy(value, out->text, sizeof out->text);
    case KEY_VERSION: /* for people who look into the folder; what counts is signed */
    case KEY_BY:
        return value.len > 0;
    default:
        return false;
    }
}

static int find_key(struct ota_span word) {
    for (int i = 0; i < KEY_COUNT; i++)
        if (ota_span_equal_str(word, keys[i]))
            return i;
    return -1;
}

static enum ota_status check_change(const bool seen[KEY_COUNT], struct ota_err *err) {
    if (seen[KEY_PRODUCT] || seen[KEY_COUNTER] || seen[KEY_VERSION] || seen[KEY_CHANNEL] || !seen[KEY_BY])
        return ota_err_set(err, OTA_CONFIG, "request: a change has the lines change and by, and no other");
    return OTA_OK;
}

enum ota_status ota_repo_request_parse(struct ota_span text, struct ota_repo_request *out, struct ota_err *err) {
    bool seen[KEY_COUNT] = {false};
    struct channel_line channel;
    memset(out, 0, sizeof *out);
    for (unsigned number = 1; text.len; number++) {
        struct ota_span line = ota_words_take(&text, '\n');
        int key = find_key(ota_words_take(&line, ' '));
        if (key < 0 || seen[key] || !read_line(key, line, out, &channel))
            return ota_err_set(err, OTA_CONFIG,
                               "request, line %u: not a line of a request, or a second one of its kind", number);
        seen[key] = true;
    }
    out->change = seen[KEY_CHANGE];
    if (out->change)
        return check_change(seen, err);
    if (!seen[KEY_PRODUCT] || !seen[KEY_COUNTER] || !seen[KEY_VERSION])
        return ota_err_set(err, OTA_CONFIG, "request: product, counter and version are wanted");
    if (!seen[KEY_CHANNEL])
        return OTA_OK;
    int n = snprintf(out->wanted, sizeof out->wanted, "%s %s %u %u %s\n", out->product, channel.name, out->counter,
                     channel.permille, channel.groups);
    if (n < 0 || (size_t)n >= sizeof out->wanted)
        return ota_err_set(err, OTA_CONFIG, "request: the channel line is too long");
    return OTA_OK;
}
