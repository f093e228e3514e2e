/* SPDX-License-Identifier: Apache-2.0 */
/* A stolen server: it holds the keys of rollout, snapshot and timestamp, and serves what it likes. It may choose among releases that the
 * product's key signed for the board's channel, and nothing more. */
#include <stdio.h>

#include "support/attack.h"
#include "support/unit.h"

/* Release `counter` with an app of its own, signed by the product's key. */
static struct ota_release *sign_release(struct world *w, uint32_t counter) {
    char version[16];
    (void)snprintf(version, sizeof version, "%u.0.0", counter);
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app(version, false);
    struct ota_release *r = fake_server_release(w->server, counter, version);
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    return r;
}

/* What the thief signs: the channel offers `counter`, by way of these stones. */
static void offer(struct world *w, uint32_t stone, uint32_t counter) {
    fake_server_offer(w->server, counter);
    if (stone) {
        w->server->channel.path_count = 2;
        w->server->channel.path[0] = stone;
        w->server->channel.path[1] = counter;
    }
    fake_server_publish(w->server);
}

/* An image and its release listed by the one role whose key the thief has. */
static void test_attack_stolen_online_keys_add_an_image(void **state) {
    struct world *w = *state;
    static const char entry[] =
        "\"targets\":{"
        "\"img/thermo/2/app.bin\":{\"custom\":{\"kind\":\"app\",\"label\":\"@ota\"},\"hashes\":{\"sha256\":"
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"length\":12240},"
        "\"img/thermo/2/release.txt\":{\"custom\":{\"channels\":[\"stable\"],\"chip\":\"esp32c3\",\"chip_rev_min\":0,"
        "\"compat\":true,\"counter\":2,\"from_min\":0,\"needs\":[],\"product\":\"thermo\",\"secure_version\":0,"
        "\"steps\":[\"app.bin\"],\"version\":\"2.0.0\"},\"hashes\":{\"sha256\":"
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"length\":0},";
    w->server->edit = (struct fake_edit){"rollout", "\"targets\":{", entry};
    offer(w, 0, 2);
    attack_world_refused(w, OTA_NOT_FOUND, "release 2: img/thermo/2/release.txt is not in the repository");
    assert_int_equal(w->server->image_requests, 0);
    /* Nor may it write the product's role: its key is not the product's. */
    w->server->edit = (struct fake_edit){0};
    world_release_2(w, "a");
    w->server->product_key = w->server->rollout_key;
    fake_server_publish(w->server);
    attack_world_refused(w, OTA_SIGNATURE, "thermo.json: 0 of 1 needed signatures");
    assert_int_equal(w->server->image_requests, 0);
    w->server->product_key = NULL;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* The channel's entry points elsewhere than at its release. */
static void test_attack_stolen_online_keys_redirect_a_channel(void **state) {
    struct world *w = *state;
    static const char *const elsewhere[] = {"img/pump/2/release.txt", "rollout/thermo/release.txt",
                                            "img/thermo/2/../1/release.txt", "img/thermo/1/release.txt"};
    sign_release(w, 2);
    for (size_t i = 0; i < OTA_ARRAY_LEN(elsewhere); i++) {
        w->server->edit = (struct fake_edit){"rollout", "img/thermo/2/release.txt", elsewhere[i]};
        offer(w, 0, 2);
        attack_world_refused(w, OTA_METADATA_FIELD, "\"release\" does not name release.txt of \"counter\"");
    }
}

/* Back to a release with a known hole, openly and as a stepping stone. */
static void test_attack_stolen_online_keys_offer_a_lower_counter(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    offer(w, 0, 1);
    attack_world_ignored(w, "channel stable is at release 1, this board at 2: it waits");
    sign_release(w, 3)->from_min = 3;
    offer(w, 1, 3);
    attack_world_refused(w, OTA_COUNTER, "cannot be installed over release 2");
    world_expect_release_2(w, "a");
}

/* The same where ota_state was lost: what runs is found by its hash first. */
static void test_attack_stolen_online_keys_offer_a_lower_counter_after_a_loss(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    assert_true(world_run(w));
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        fake_board_forget(w->board, w->board->key[i].name);
    offer(w, 0, 1);
    assert_true(world_start(w));
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(w->agent->board.counter, 2);
    assert_true(fake_board_logged(w->board, "this board at 2: it waits"));
}

static void test_attack_stolen_online_keys_offer_on_a_channel_not_allowed(void **state) {
    struct world *w = *state;
    strcpy(sign_release(w, 2)->channel[0], "beta");
    offer(w, 0, 2);
    attack_world_refused(w, OTA_CHANNEL, "its signer does not allow it on channel stable");
    assert_int_equal(w->server->image_requests, 0);
}

/* Newer by counter, older by the eFuse. */
static void test_attack_stolen_online_keys_violate_secure_version(void **state) {
    struct world *w = *state;
    sign_release(w, 2)->secure_version = 2;
    w->agent->cfg.board.boot.anti_rollback = true;
    w->agent->cfg.board.secure_version = 3;
    offer(w, 0, 2);
    attack_world_refused(w, OTA_SECURE_VERSION, "secure version 2, the board's eFuse asks for 3");
    assert_int_equal(w->server->image_requests, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_WORLD_TEST(test_attack_stolen_online_keys_add_an_image),
        ATTACK_WORLD_TEST(test_attack_stolen_online_keys_redirect_a_channel),
        ATTACK_WORLD_TEST(test_attack_stolen_online_keys_offer_a_lower_counter),
        ATTACK_WORLD_TEST(test_attack_stolen_online_keys_offer_a_lower_counter_after_a_loss),
        ATTACK_WORLD_TEST(test_attack_stolen_online_keys_offer_on_a_channel_not_allowed),
        ATTACK_WORLD_TEST(test_attack_stolen_online_keys_violate_secure_version),
    };
    return cmocka_run_group_tests_name("attack_online_keys", tests, NULL, NULL);
}
