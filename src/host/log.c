/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' log on stderr. */
#include "host/log.h"

#include <string.h>
#include <time.h>

#include "host/buf.h"
#include "host/printable.h"
#include "ota/scan.h"

static struct {
    const char *program;
    enum ota_log_format format;
    enum ota_log_level max;
    bool times;
} setup = {.program = "ota", .max = OTA_LOG_INFO};

void ota_log_setup(const char *program, enum ota_log_format format, enum ota_log_level max, bool times) {
    setup.program = program;
    setup.format = format;
    setup.max = max;
    setup.times = times;
}

void ota_log_raw(const char *line, size_t len) {
    while (len) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
}

static const char *level_name(enum ota_log_level level) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return names[level <= OTA_LOG_DEBUG ? level : OTA_LOG_DEBUG];
}

/* Whether `message` fits into the line; *len is the line's length then. */
static bool json_fits(char *out, size_t cap, const char *when, enum ota_log_level level, struct ota_span message,
                      size_t *len) {
    struct ota_json j;
    ota_json_init(&j, out, cap - 1, false);
    ota_json_object(&j);
    ota_json_key(&j, "level");
    ota_json_str(&j, level_name(level));
    ota_json_key(&j, "message");
    ota_json_span(&j, message);
    ota_json_key(&j, "program");
    ota_json_str(&j, setup.program);
    ota_json_key(&j, "time");
    ota_json_str(&j, when);
    ota_json_object_end(&j);
    if (j.bad)
        return false;
    out[j.len] = '\n';
    *len = j.len + 1;
    return true;
}

/* Escapes make a message up to six times as long; one that does not fit then loses its end, never the whole line. */
static size_t json_line(char *out, size_t cap, const char *when, enum ota_log_level level, const char *text) {
    struct ota_span message = ota_span_str(text);
    size_t len = 0;
    while (!json_fits(out, cap, when, level, message, &len) && message.len)
        do /* whole characters */
            message.len--;
        while (message.len && (message.p[message.len] & 0xC0) == 0x80);
    return len;
}

static void line_out(void *ctx, enum ota_log_level level, const char *text) {
    char line[2048], when[OTA_TIME_TEXT_MAX];
    (void)ctx;
    if (level > setup.max)
        return;
    ota_time_format((uint64_t)time(NULL), when);
    if (setup.format == OTA_LOG_JSON) {
        ota_log_raw(line, json_line(line, sizeof line, when, level, text));
        return;
    }
    (void)ota_format(line, sizeof line - 1, "%s%s%s: %s%s%s", setup.times ? when : "", setup.times ? " " : "",
                     setup.program, level <= OTA_LOG_WARNING ? level_name(level) : "",
                     level <= OTA_LOG_WARNING ? ": " : "", text);
    size_t n = ota_printable_clean(line);
    line[n] = '\n';
    ota_log_raw(line, n + 1);
}

const struct ota_log ota_log_stderr = {.line = line_out};
