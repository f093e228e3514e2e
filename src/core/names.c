/* SPDX-License-Identifier: Apache-2.0 */
/* Grammar of every name that reaches a path, a URL or a log line. */
#include <string.h>

#include "ota/bytes.h"

static bool is_lower_or_digit(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
static bool is_alnum(uint8_t c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/* First byte alphanumeric, the rest alphanumeric or one of `more`. */
static bool matches(struct ota_span s, size_t max, bool (*base)(uint8_t), const char *more) {
    if (s.len == 0 || s.len > max || !base(s.p[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!base(s.p[i]) && (s.p[i] == 0 || !strchr(more, s.p[i])))
            return false;
    return true;
}

bool ota_name_valid(struct ota_span name) {
    return matches(name, OTA_NAME_MAX, is_lower_or_digit, "-");
}

bool ota_name_reserved(struct ota_span name) {
    static const char *const roles[] = {"root", "targets", "snapshot", "timestamp", "rollout"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(roles); i++)
        if (ota_span_equal_str(name, roles[i]))
            return true;
    return false;
}

bool ota_file_valid(struct ota_span name) {
    if (!matches(name, OTA_FILE_MAX, is_alnum, "._-"))
        return false;
    for (size_t i = 0; i + 1 < name.len; i++)
        if (name.p[i] == '.' && name.p[i + 1] == '.')
            return false;
    return true;
}

bool ota_label_valid(struct ota_span label) {
    if (ota_span_equal_str(label, "@ota") || ota_span_equal_str(label, "@bootloader") ||
        ota_span_equal_str(label, "@partition-table"))
        return true;
    if (label.len == 0 || label.len > OTA_LABEL_MAX || label.p[0] == '@')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (label.p[i] <= 0x20 || label.p[i] > 0x7E || strchr("/\"\\", label.p[i]))
            return false;
    return true;
}

bool ota_device_id_valid(struct ota_span id) {
    return matches(id, OTA_DEVICE_ID_MAX, is_alnum, "._:-");
}

bool ota_groups_valid(struct ota_span groups) {
    if (groups.len == 0)
        return true;
    const uint8_t *p = groups.p, *end = groups.p + groups.len;
    if (groups.len > OTA_GROUPS_TEXT_MAX)
        return false;
    while (p < end) {
        const uint8_t *comma = memchr(p, ',', (size_t)(end - p)), *last = comma ? comma : end;
        const uint8_t *next = comma ? comma + 1 : end;
        while (p < last && *p == ' ')
            p++;
        while (last > p && last[-1] == ' ')
            last--;
        if (!ota_name_valid((struct ota_span){p, (size_t)(last - p)}) || (comma && next == end))
            return false;
        p = next;
    }
    return true;
}
