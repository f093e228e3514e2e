/* SPDX-License-Identifier: Apache-2.0 */
#include "support/signed_workspace.h"

#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "sign/sign.h"
#include "sign/signer.h"
#include "store/repo.h"
#include "support/unit.h"

#define CONF                                                     \
    "url = https://192.0.2.7:8443\n"                             \
    "[product thermo]\nchip = esp32c3\nchannels = beta stable\n" \
    "[product valve]\nchip = esp32s3\nchannels = stable\n"
#define REPEATS 400u

static struct ota_err err;

void signed_workspace_make(struct signed_workspace *s, uint64_t now) {
    char dir[] = "/tmp/ota-ws-XXXXXX";
    assert_non_null(mkdtemp(dir));
    OTA_CLEAN_FREE char *conf = ota_sprintf("%s/ota.conf", dir);
    assert_ota_ok(ota_fs_write(conf, CONF, strlen(CONF), 0644, &err));
    assert_ota_ok(ota_workspace_open(&s->w, dir, &err));
    assert_ota_ok(ota_sign_create(&s->w, now, &err));
}

void signed_workspace_remove(struct signed_workspace *s) {
    assert_ota_ok(ota_fs_remove_tree(s->w.dir, &err));
    ota_workspace_close(&s->w);
}

void signed_workspace_image(const char *version, struct ota_buf *out) {
    for (unsigned i = 0; i < REPEATS; i++)
        ota_buf_printf(out, "%s %u\n", version, i);
}

void signed_workspace_release(struct ota_release *r, uint32_t counter, const char *version) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    signed_workspace_image(version, &image);
    *r = (struct ota_release){
        .product = "thermo",
        .counter = counter,
        .chip = "esp32c3",
        .channel_count = 1,
        .channel = {"stable"},
        .step_count = 1,
        .step = {{.file = "app.bin", .label = OTA_LABEL_APP, .kind = OTA_KIND_APP, .length = (uint32_t)image.len}},
        .notes_length = (uint32_t)strlen(version),
    };
    (void)snprintf(r->version, sizeof r->version, "%s", version);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, image.p, image.len, r->step[0].sha256, &err));
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, version, strlen(version), r->notes_sha256, &err));
}

static void write_target(const char *dir, const struct ota_release *r, const char *file, const uint8_t *sha256,
                         struct ota_span bytes) {
    char served[256];
    assert_true(ota_release_served_path(r->product, r->counter, file, sha256, served, sizeof served));
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/targets/%s", dir, served);
    assert_ota_ok(ota_fs_write(path, bytes.p, bytes.len, 0600, &err));
}

static void sign_role(const struct signed_workspace *s, const struct ota_release *r, const char *dir) {
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, rollout = {0}, next = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN_FREE char *path = ota_workspace_path(&s->w, "keys/%s.pem", r->product);
    uint64_t version;
    assert_ota_ok(ota_repo_role(&s->w, r->product, &role, &err));
    assert_ota_ok(ota_repo_role(&s->w, "rollout", &rollout, &err));
    assert_ota_ok(ota_key_load(&key, path, &err));
    const struct ota_sign_release in = {
        {1, {key}}, r, ota_buf_span(&role), ota_buf_span(&rollout), (uint64_t)time(NULL)};
    assert_ota_ok(ota_sign_release(&in, &next, &version, &err));
    OTA_CLEAN_FREE char *file = ota_sprintf("%s/metadata/%llu.%s.json", dir, (unsigned long long)version, r->product);
    assert_ota_ok(ota_fs_write(file, next.p, next.len, 0600, &err));
}

void signed_workspace_hand_over(const struct signed_workspace *s, const struct handover *h) {
    signed_workspace_hand_over_packed(s, h, (struct ota_span){NULL, 0});
}

void signed_workspace_hand_over_packed(const struct signed_workspace *s, const struct handover *h,
                                       struct ota_span packed) {
    const struct ota_release *r = h->release;
    OTA_CLEAN_FREE char *dir = ota_workspace_path(&s->w, "state/incoming/.tmp-%s", h->id);
    OTA_CLEAN_FREE char *final = ota_workspace_path(&s->w, "state/incoming/%s", h->id);
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", dir);
    OTA_CLEAN_FREE char *images = ota_sprintf("%s/targets/img/%s/%u", dir, r->product, r->counter);
    OTA_CLEAN_FREE char *request = ota_sprintf("%s/request", dir);
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, text = {0};
    assert_ota_ok(ota_fs_mkdirs(metadata, 0755, &err));
    assert_ota_ok(ota_fs_mkdirs(images, 0755, &err));
    signed_workspace_image(r->version, &image);
    write_target(dir, r, "app.bin", r->step[0].sha256, ota_buf_span(&image));
    if (packed.len)
        write_target(dir, r, "app.bin.z", r->step[0].z_sha256, packed);
    write_target(dir, r, "release.txt", r->notes_sha256, ota_span_str(r->version));
    sign_role(s, r, dir);
    ota_buf_printf(&text, "product %s\ncounter %u\nversion %s\n", r->product, r->counter, r->version);
    if (h->channel)
        ota_buf_printf(&text, "channel %s\n", h->channel);
    assert_ota_ok(ota_fs_write(request, text.p, text.len, 0644, &err));
    assert_ota_ok(ota_fs_rename(dir, final, &err));
}

void signed_workspace_signer(const struct signed_workspace *s, struct ota_signer *signer) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    signer->pid = fork();
    assert_true(signer->pid >= 0);
    if (signer->pid == 0) {
        struct ota_err why;
        (void)close(pair[0]);
        _exit(chdir(s->w.dir) == 0 && ota_signer_serve(pair[1], 0, &why) == OTA_OK ? 0 : 1);
    }
    (void)close(pair[1]);
    signer->fd = pair[0];
}
