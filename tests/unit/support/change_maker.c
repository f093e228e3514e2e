/* SPDX-License-Identifier: Apache-2.0 */
#include "support/change_maker.h"

#include "host/fs.h"
#include "host/role_file.h"
#include "store/repo.h"
#include "support/unit.h"

static struct ota_err err;

static void open_role(const struct signed_workspace *s, const char *role, struct ota_role_file *f) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    assert_ota_ok(ota_repo_role(&s->w, role, &wire, &err));
    ota_role_file_set(f, role, ota_buf_span(&wire));
    assert_ota_ok(ota_role_file_parse(f, role, &err));
}

struct change *change_begin(const struct signed_workspace *s) {
    static struct change c;
    OTA_CLEAN(ota_role_file_free) struct ota_role_file root = {0}, targets = {0};
    open_role(s, "root", &root);
    open_role(s, "targets", &targets);
    assert_ota_ok(ota_role_root_read(&root.meta, &c.root, &err));
    assert_ota_ok(ota_role_targets_read(&targets.meta, &c.targets, &err));
    c.root.version++;
    c.targets.version++;
    return &c;
}

struct ota_key *change_rotate(const struct signed_workspace *s, struct ota_role_by *by, const char *file) {
    struct ota_key *key = NULL;
    assert_ota_ok(ota_key_generate(&key, &err));
    if (file) {
        OTA_CLEAN_FREE char *path = ota_workspace_path(&s->w, "keys/%s", file);
        assert_ota_ok(ota_key_save(key, path, &err));
    }
    *by = ota_role_by_key(ota_key_public(key));
    return key;
}

struct ota_key *change_load_key(const struct signed_workspace *s, const char *role) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&s->w, "keys/%s.pem", role);
    struct ota_key *key = NULL;
    assert_ota_ok(ota_key_load(&key, path, &err));
    return key;
}

static void write_file(const char *dir, const char *name, uint64_t version, const struct ota_buf *file) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/metadata/%llu.%s.json", dir, (unsigned long long)version, name);
    assert_ota_ok(ota_fs_write(path, file->p, file->len, 0600, &err));
}

void change_write(const struct signed_workspace *s, const char *where, const struct change *c,
                  const struct ota_role_keys *root_by, const struct ota_role_keys *targets_by) {
    static const char request[] = "change other keys\nby tester\n";
    OTA_CLEAN_FREE char *dir = ota_workspace_path(&s->w, "state/%s", where);
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", dir), *path = ota_sprintf("%s/request", dir);
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0}, targets = {0};
    assert_ota_ok(ota_fs_mkdirs(metadata, 0755, &err));
    if (root_by) {
        assert_ota_ok(ota_role_root(&c->root, root_by, &root, &err));
        write_file(dir, "root", c->root.version, &root);
    }
    if (targets_by) {
        assert_ota_ok(ota_role_targets(&c->targets, targets_by, &targets, &err));
        write_file(dir, "targets", c->targets.version, &targets);
    }
    assert_ota_ok(ota_fs_write(path, request, sizeof request - 1, 0644, &err));
}
