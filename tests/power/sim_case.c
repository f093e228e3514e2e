/* SPDX-License-Identifier: Apache-2.0 */
/* All cases: the matrix of kinds, staging, chip class, form and history, and behind it what is special. */
#include "sim_case.h"

#include <stdio.h>
#include <string.h>

#include "support/unit.h"

static struct sim_case all[SIM_CASES_MAX];
static size_t count;

static const char *const staging_name[] = {"hole", "staging", "slot"};
static const char *const door_name[] = {"", "file", "stream"};

/* Chips differ in where the bootloader lies, and in whether ROM recovery knows another one. */
static const char *const without[] = {"esp32c3", "esp32", "esp32s3"};
static const char *const with[] = {"esp32c61", "esp32c5", "esp32p4"};

const char *sim_case_class(const struct sim_case *c) {
    return c->config.recovery ? "ROM recovery" : "no recovery";
}

static void add(const struct sim_case *c, const char *name) {
    assert_in_range(count, 0, SIM_CASES_MAX - 1);
    struct sim_case *n = &all[count++];
    const char *form = c->config.compressed ? "z" : "plain";
    *n = *c;
    (void)snprintf(n->id, sizeof n->id, "%s/%s/%s/%s/%s", name, staging_name[c->config.staging], c->config.chip,
                   c->door ? door_name[c->door] : form, c->update ? "update" : "install");
}

static void add_matrix(const char *row, const char *kinds) {
    const bool row_of_all = kinds[1] && kinds[2];
    for (unsigned i = 0; i < 24; i++) {
        const unsigned staging = i % 3, form = i / 3 % 2, history = i / 6 % 2, recovery = i / 12;
        const struct sim_case c = {
            .row = row,
            .kinds = kinds,
            .config = {.chip = recovery ? with[staging] : without[staging],
                       .recovery = recovery,
                       .staging = (enum sim_staging)staging,
                       .compressed = form},
            .update = history,
            .result = OTA_RESULT_INSTALLED,
            .breaks = (row_of_all && (i == 0 || i == 2 || i == 12)) || (i == 0 && kinds[0] == 'a'),
            .quick = row_of_all && (i == 0 || i == 21),
        };
        add(&c, row);
    }
}

/* An app that goes back, alone and after partitions that stay. */
static void add_rollbacks(const char *row, const char *app) {
    for (unsigned i = 0; i < 6; i++) {
        char name[32];
        const bool recovery = i / 3;
        const struct sim_case c = {
            .row = row,
            .kinds = i % 3 ? (app[0] == 'F' ? "tsbF" : "tsbN") : app,
            .config = {.chip = recovery ? with[i % 3] : without[i % 3],
                       .recovery = recovery,
                       .staging = (enum sim_staging)(i % 3)},
            .update = i % 3 == 2,
            .result = OTA_RESULT_ROLLED_BACK,
            .quick = i == 0,
        };
        (void)snprintf(name, sizeof name, "%s", app[0] == 'F' ? "self-test" : "no-network");
        add(&c, name);
    }
}

/* Through a board's other doors. */
static void add_bundles(void) {
    static const char *const kinds[] = {"a", "sa", "tsba"};
    for (unsigned i = 0; i < 24; i++) {
        const unsigned staging = i % 3, door = i / 3 % 2, history = i / 6 % 2, recovery = i / 12;
        const struct sim_case c = {
            .row = door ? "bundle, streamed" : "bundle, a file",
            .kinds = kinds[2 - (staging + history) % 3],
            .config = {.chip = recovery ? with[staging] : without[staging],
                       .recovery = recovery,
                       .staging = (enum sim_staging)staging},
            .update = history,
            .door = door ? OTA_DOOR_STREAM : OTA_DOOR_FILE,
            .result = OTA_RESULT_INSTALLED,
            .quick = i == 3,
        };
        add(&c, "bundle");
    }
}

/* One of each kind as large as real ones are; sim_tally.c samples its many sectors. */
static void add_full_size(void) {
    static const char *const kinds[] = {"a", "s", "b", "t", "tsba"};
    for (unsigned i = 0; i < 10; i++) {
        const bool recovery = i >= 5;
        const struct sim_case c = {
            .row = "full size, sampled",
            .kinds = kinds[i % 5],
            .config = {.chip = recovery ? "esp32c5" : "esp32s3",
                       .recovery = recovery,
                       .compressed = i == 9,
                       .full_size = true},
            .result = OTA_RESULT_INSTALLED,
        };
        add(&c, (const char *[]){"full-app", "full-data", "full-bootloader", "full-table", "full-all"}[i % 5]);
    }
}

/* A release that brings what is there already. */
static void add_unchanged(void) {
    for (unsigned i = 0; i < 6; i++) {
        const bool recovery = i / 3;
        const struct sim_case c = {
            .row = "nothing has changed",
            .kinds = "tsba",
            .config = {.chip = recovery ? with[i % 3] : without[i % 3],
                       .recovery = recovery,
                       .staging = (enum sim_staging)(i % 3)},
            .update = true,
            .unchanged = true,
            .result = OTA_RESULT_INSTALLED,
            .quick = i == 0,
        };
        add(&c, "unchanged");
    }
}

static void add_special(void) {
    static const struct sim_case special[] = {
        {"no-rollback", .row = "without rollback", .kinds = "tsba", .config = {.without_rollback = true}},
        {"no-rollback", .row = "without rollback", .kinds = "a", .config = {.without_rollback = true}, .update = true},
        {"anti-rollback", .row = "anti-rollback", .kinds = "tsbVa",
         .config = {.chip = "esp32s3", .anti_rollback = true}},
        {"anti-rollback", .row = "anti-rollback", .kinds = "Va", .config = {.anti_rollback = true}, .update = true},
        {"secure-boot", .row = "Secure Boot v2", .kinds = "tsba", .config = {.secure_boot = 2}},
        {"secure-boot", .row = "Secure Boot v2", .kinds = "a", .config = {.secure_boot = 2}, .update = true},
        {"secure-boot", .row = "Secure Boot v2", .kinds = "tsba",
         .config = {.chip = "esp32c5", .secure_boot = 2, .recovery = true}},
        {"secure-boot", .row = "Secure Boot v2", .kinds = "b",
         .config = {.chip = "esp32c61", .secure_boot = 2, .recovery = true}, .update = true},
        {"from-factory", .row = "from the factory app", .kinds = "tsba", .config = {.factory = true}},
        {"from-factory", .row = "from the factory app", .kinds = "a",
         .config = {.factory = true, .staging = SIM_STAGE_SLOT}},
        {"from-factory-back", .row = "from the factory app", .kinds = "sF", .config = {.factory = true}},
        {"factory", .row = "factory app", .kinds = "fa", .config = {.factory = true}, .update = true},
        {"factory", .row = "factory app", .kinds = "f", .config = {.factory = true, .staging = SIM_STAGE_SLOT},
         .update = true},
        {"factory", .row = "factory app", .kinds = "tsfba",
         .config = {.chip = "esp32c61", .recovery = true, .factory = true}, .update = true},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(special); i++) {
        struct sim_case c = special[i];
        c.result = strchr(c.kinds, 'F') ? OTA_RESULT_ROLLED_BACK : OTA_RESULT_INSTALLED;
        if (!c.config.chip)
            c.config.chip = "esp32c3";
        add(&c, special[i].id);
    }
}

static void build(void) {
    add_matrix("app", "a");
    add_matrix("data", "s");
    add_matrix("bootloader", "b");
    add_matrix("table", "t");
    add_matrix("data+app", "sa");
    add_matrix("all", "tsba");
    add_rollbacks("self-test fails", "F");
    add_rollbacks("no network", "N");
    add_bundles();
    add_full_size();
    add_unchanged();
    add_special();
}

size_t sim_cases(const struct sim_case **out) {
    if (count == 0)
        build();
    *out = all;
    return count;
}

const struct sim_case *sim_case_find(const char *id) {
    const struct sim_case *c;
    for (size_t n = sim_cases(&c); n > 0; n--, c++)
        if (strcmp(c->id, id) == 0)
            return c;
    return NULL;
}
