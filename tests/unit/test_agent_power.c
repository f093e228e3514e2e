/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A power cut at every flash and key-value operation of an update of all four kinds, clean and torn. The board always boots and ends on
 * release 2. Only the copying of the table, and of the bootloader where the ROM has no recovery, has a window in which it is lost.
 */
#include <stdio.h>

#include "support/unit.h"

#include "support/fake_world.h"

static bool storage_is(const struct world *w, const struct ota_buf *image) {
    return fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(image));
}

static bool differs(const struct world *w, uint32_t offset, const struct ota_buf *one, const struct ota_buf *two) {
    return !fake_board_holds(w->board, offset, ota_buf_span(one)) &&
           !fake_board_holds(w->board, offset, ota_buf_span(two));
}

/* One cut. False when the board was lost, in the one way it may be. */
static bool survives(struct world *w, const struct fake_saved *at_start, uint64_t cut, bool torn) {
    struct fake_board *b = w->board;
    fake_board_restore(b, at_start);
    b->cut_at = cut;
    b->torn = torn;
    w->boots = 0;
    if (world_run(w))
        fail_msg("cut %llu was never reached", (unsigned long long)cut);
    b->cut_at = 0;
    if (!fake_board_boot(b)) {
        bool window = differs(w, 0, &w->one.bootloader, &w->two.bootloader) ||
                      differs(w, FAKE_TABLE_OFFSET, &w->one.table, &w->two.table);
        if (!window)
            fail_msg("cut %llu%s: nothing boots", (unsigned long long)cut, torn ? " torn" : "");
        return false;
    }
    assert_true(world_start(w));
    if (!storage_is(w, &w->one.storage) && !storage_is(w, &w->two.storage))
        fail_msg("cut %llu%s: storage is neither old nor new after ota_boot()", (unsigned long long)cut,
                 torn ? " torn" : "");
    assert_true(world_run(w));
    if (w->agent->board.counter != 2)
        assert_true(world_run(w)); /* the cut run may have backed off once more */
    if (w->agent->board.counter != 2)
        fail_msg("cut %llu%s: ends on release %u: %s", (unsigned long long)cut, torn ? " torn" : "",
                 w->agent->board.counter, w->agent->last.msg);
    return true;
}

static void cut_everywhere(const char *kinds, bool recovery, unsigned most_lost) {
    struct world *w = world_new();
    w->board->recovery = recovery;
    struct fake_saved at_start;
    world_settle(w);
    world_release_2(w, kinds);
    fake_board_save(w->board, &at_start);
    assert_true(world_run(w));
    world_expect_release_2(w, kinds);
    uint64_t operations = w->board->ops;
    unsigned lost = 0;
    for (unsigned torn = 0; torn < 2; torn++) {
        for (uint64_t cut = 1; cut <= operations; cut++) {
            if (survives(w, &at_start, cut, torn))
                world_expect_release_2(w, kinds);
            else
                lost++;
        }
    }
    print_message("# %s: %llu operations, cut at each, clean and torn; %u within the window\n", kinds,
                  (unsigned long long)operations, lost);
    assert_in_range(lost, 0, most_lost);
    fake_saved_free(&at_start);
    world_free(w);
}

static void test_agent_power_app(void **unused) {
    (void)unused;
    cut_everywhere("a", false, 0);
}

static void test_agent_power_data_and_app(void **unused) {
    (void)unused;
    cut_everywhere("sa", false, 0);
}

/* Lost at most: the table's one sector (its erase torn, its write not done or torn) and the bootloader's two. */
static void test_agent_power_all_kinds(void **unused) {
    (void)unused;
    cut_everywhere("tsba", false, 9);
}

/* With ROM recovery the bootloader has no window at all. */
static void test_agent_power_bootloader_with_recovery(void **unused) {
    (void)unused;
    cut_everywhere("ba", true, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_power_app),
        cmocka_unit_test(test_agent_power_data_and_app),
        cmocka_unit_test(test_agent_power_all_kinds),
        cmocka_unit_test(test_agent_power_bootloader_with_recovery),
    };
    return cmocka_run_group_tests_name("agent_power", tests, NULL, NULL);
}
