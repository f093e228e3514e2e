/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches terminals and log files: printable, one line, never nothing. */
#include <stdio.h>
#include <unistd.h>

#include "host/buf.h"
#include "host/json_tree.h"
#include "host/log.h"
#include "host/printable.h"
#include "support/unit.h"

static void cleans_to(const char *from, const char *to) {
    OTA_CLEAN_FREE char *text = ota_strdup(from);
    assert_int_equal(ota_printable_clean(text), strlen(to));
    assert_string_equal(text, to);
    assert_int_equal(ota_printable(from), strcmp(from, to) == 0);
}

static void test_printable_keeps_text_of_any_language(void **state) {
    (void)state;
    cleans_to("", "");
    cleans_to("app ~\xC2\xA0\xC3\xA9", "app ~\xC2\xA0\xC3\xA9");
    cleans_to("\xE2\x80\x8D\xE2\x80\x90\xE2\x80\xA9\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA\xE6\x97\xA5\xF0\x9F\x98\x80",
              "\xE2\x80\x8D\xE2\x80\x90\xE2\x80\xA9\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA\xE6\x97\xA5\xF0\x9F\x98\x80");
}

static void test_printable_replaces_what_steers_a_terminal(void **state) {
    (void)state;
    cleans_to("a\x1b[2J\nb\x7f", "a?[2J?b?");
    cleans_to("\xC2\x80|\xC2\x9B|\xC2\x9F", "?|?|?");
    cleans_to("\xE2\x80\x8E\xE2\x80\x8F\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9", "??????");
    cleans_to("\x9B\x32J\xE2\x80", "?2J??"); /* not UTF-8: a terminal may take single bytes for C1 */
}

/* What one message at level info makes on stderr. */
static void log_of(enum ota_log_format format, const char *message, struct ota_buf *out) {
    int pipe_ends[2], kept = dup(STDERR_FILENO);
    uint8_t chunk[4096];
    assert_int_equal(pipe(pipe_ends), 0);
    ota_log_setup("test", format, OTA_LOG_INFO, false);
    assert_true(dup2(pipe_ends[1], STDERR_FILENO) >= 0);
    ota_log_stderr.line(ota_log_stderr.ctx, OTA_LOG_INFO, message);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    (void)close(pipe_ends[1]);
    ssize_t n = read(pipe_ends[0], chunk, sizeof chunk);
    (void)close(pipe_ends[0]);
    assert_true(n > 0);
    ota_buf_append(out, chunk, (size_t)n);
}

static void test_log_text_is_printable(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf line = {0};
    log_of(OTA_LOG_TEXT, "\x1b]0;x\x07 \xC2\x9B\nforged", &line);
    assert_string_equal(ota_buf_text(&line), "test: ?]0;x? ??forged\n");
}

/* A JSON line holds the beginning of a message too long for it, at whole characters. */
static void json_holds_beginning_of(const char *character, size_t least) {
    struct ota_err err;
    OTA_CLEAN(ota_buf_free) struct ota_buf message = {0}, line = {0};
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    for (int i = 0; i < 1500; i++)
        ota_buf_str(&message, character);
    log_of(OTA_LOG_JSON, ota_buf_text(&message), &line);
    assert_int_equal(line.p[line.len - 1], '\n');
    assert_ota_ok(ota_json_tree_parse(ota_buf_span(&line), "line", 4096, &tree, &err));
    const char *text = ota_json_tree_string(tree, "message");
    assert_non_null(text);
    assert_memory_equal(text, message.p, strlen(text));
    assert_int_equal(strlen(text) % strlen(character), 0);
    assert_true(strlen(text) >= least);
}

static void test_log_json_cuts_a_message_that_does_not_fit(void **state) {
    (void)state;
    json_holds_beginning_of("\x1b", 300);
    json_holds_beginning_of("\xE2\x82\xAC", 1900);
    json_holds_beginning_of("\\", 900);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable_keeps_text_of_any_language),
        cmocka_unit_test(test_printable_replaces_what_steers_a_terminal),
        cmocka_unit_test(test_log_text_is_printable),
        cmocka_unit_test(test_log_json_cuts_a_message_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
