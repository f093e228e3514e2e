/* SPDX-License-Identifier: Apache-2.0 */
/* boards.jsonl: read once, then only appended to. */
#include "ctl/provision_record.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <unistd.h>

#include "host/err_place.h"
#include "host/fs.h"
#include "host/json_tree.h"

#define RECORD_MAX (512u * 1024u * 1024u)
#define LINE_MAX_BYTES (1024u * 1024u)

const char *const ota_made_of_name[OTA_MADE_OF_COUNT] = {
    [OTA_MADE_OF_MAC] = "mac",
    [OTA_MADE_OF_VALUES] = "values",
    [OTA_MADE_OF_PRODUCT] = "product",
    [OTA_MADE_OF_CHANNEL] = "channel",
    [OTA_MADE_OF_GROUPS] = "groups",
    [OTA_MADE_OF_URL] = "url",
    [OTA_MADE_OF_ROOT] = "root",
    [OTA_MADE_OF_CA] = "ca",
    [OTA_MADE_OF_CERTIFICATE] = "certificate",
    [OTA_MADE_OF_FLASH_SIZE] = "flash_size",
    [OTA_MADE_OF_BUILD] = "build",
};

static void entry_free(void *p) {
    struct ota_provision_entry *e = p;
    for (size_t i = 0; i < e->file_count; i++)
        free(e->file[i].name);
    free(e->file);
    free(e->id);
    free(e->mac);
    free(e->inputs);
    free(e);
}

void ota_provision_record_close(struct ota_provision_record *r) {
    if (r->fd >= 0)
        (void)close(r->fd);
    tdestroy(r->tree, entry_free);
    free(r->entry);
    free(r->path);
    *r = (struct ota_provision_record){.fd = -1};
}

static int compare(const void *a, const void *b) {
    const struct ota_provision_entry *x = a, *y = b;
    return strcmp(x->id, y->id);
}

const struct ota_provision_entry *ota_provision_record_find(const struct ota_provision_record *r, const char *id) {
    OTA_CLEAN_FREE char *name = ota_strdup(id);
    const struct ota_provision_entry wanted = {.id = name};
    void *const *node = tfind(&wanted, &r->tree, compare);
    return node ? *node : NULL;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* "<id>.": --again removes files by the names in the record. */
static bool is_file_of(const char *name, const char *id) {
    size_t n = strlen(id);
    return strncmp(name, id, n) == 0 && name[n] == '.' && !strchr(name, '/');
}

static enum ota_status take_files(const cJSON *tree, struct ota_provision_entry *e, struct ota_err *err) {
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(tree, "files"), *f;
    int count = cJSON_IsArray(files) ? cJSON_GetArraySize(files) : 0;
    e->file = ota_calloc((size_t)count + 1, sizeof *e->file);
    cJSON_ArrayForEach(f, files) {
        const char *name = ota_json_tree_string(f, "file"), *digest = ota_json_tree_string(f, "sha256");
        const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(f, "bytes");
        if (!name || !is_file_of(name, e->id) || !cJSON_IsNumber(bytes) || bytes->valuedouble < 0)
            return ota_err_set(err, OTA_CONFIG, "no record of a board");
        struct ota_provision_file *file = &e->file[e->file_count++];
        file->name = ota_strdup(name);
        file->bytes = (uint64_t)bytes->valuedouble;
        (void)ota_format(file->sha256, sizeof file->sha256, "%s", digest ? digest : "");
    }
    return e->again || e->file_count ? OTA_OK : ota_err_set(err, OTA_CONFIG, "no record of a board");
}

static char *text_of(const cJSON *tree, const char *name) {
    const char *text = ota_json_tree_string(tree, name);
    return text ? ota_strdup(text) : NULL;
}

static void take_made_of(const cJSON *tree, struct ota_provision_entry *e) {
    const cJSON *digests = cJSON_GetObjectItemCaseSensitive(tree, "made_of");
    for (size_t k = 0; k < OTA_MADE_OF_COUNT; k++) {
        const char *text = ota_json_tree_string(digests, ota_made_of_name[k]);
        if (text && strlen(text) == OTA_MADE_OF_LEN)
            (void)ota_format(e->made_of[k], sizeof e->made_of[k], "%s", text);
    }
}

/* A later line of an id takes the place of the earlier one. */
static void keep_entry(struct ota_provision_record *r, struct ota_provision_entry *e) {
    void **node = tsearch(e, &r->tree, compare);
    if (!node)
        abort();
    if (*node != e) {
        e->index = ((struct ota_provision_entry *)*node)->index;
        entry_free(*node);
        *node = e;
    } else {
        e->index = r->count++;
        if ((e->index & (e->index - 1)) == 0)
            r->entry = ota_realloc(r->entry, e->index ? 2 * e->index : 1, sizeof(struct ota_provision_entry *));
    }
    r->entry[e->index] = e;
}

static enum ota_status take_entry(struct ota_provision_record *r, const cJSON *tree, struct ota_err *err) {
    const char *id = ota_json_tree_string(tree, "id");
    if (!id || !ota_device_id_valid(ota_span_str(id)))
        return ota_err_set(err, OTA_CONFIG, "no record of a board");
    struct ota_provision_entry *e = ota_calloc(1, sizeof *e);
    e->id = ota_strdup(id);
    e->mac = text_of(tree, "mac");
    e->inputs = text_of(tree, "inputs");
    take_made_of(tree, e);
    e->again = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "again"));
    enum ota_status st = take_files(tree, e, err);
    if (st != OTA_OK) {
        entry_free(e);
        return st;
    }
    keep_entry(r, e);
    return OTA_OK;
}

static enum ota_status take_lines(struct ota_provision_record *r, struct ota_span text, struct ota_err *err) {
    unsigned number = 1;
    for (const uint8_t *end; (end = memchr(text.p, '\n', text.len)); number++) {
        OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
        size_t n = (size_t)(end - text.p);
        enum ota_status st =
            ota_json_tree_parse((struct ota_span){text.p, n}, OTA_PROVISION_RECORD, LINE_MAX_BYTES, &tree, err);
        if (st == OTA_OK)
            st = take_entry(r, tree, err);
        if (st != OTA_OK)
            return ota_err_place(err, r->path, number);
        r->end += n + 1;
        text = (struct ota_span){end + 1, text.len - n - 1};
    }
    return OTA_OK;
}

enum ota_status ota_provision_record_open(struct ota_provision_record *r, const char *folder, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    r->path = ota_sprintf("%s/%s", folder, OTA_PROVISION_RECORD);
    r->fd = open(r->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (r->fd < 0)
        return errno == ENOENT ? OTA_OK : ota_fs_errno(err, r->path, "cannot open");
    OTA_TRY(ota_fs_read(r->path, RECORD_MAX, &text, err));
    ota_buf_reserve(&text, 1);
    OTA_TRY(take_lines(r, ota_buf_span(&text), err));
    if (r->end < text.len && ftruncate(r->fd, (off_t)r->end) != 0)
        return ota_fs_errno(err, r->path, "cannot cut");
    return OTA_OK;
}

/* ---- appending ----------------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *p, size_t n, uint64_t at) {
    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return fsync(fd) == 0;
}

static enum ota_status begin(struct ota_provision_record *r, struct ota_err *err) {
    r->fd = open(r->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->fd < 0)
        return ota_fs_errno(err, r->path, "cannot create");
    return ota_fs_sync_folder_of(r->path, err);
}

enum ota_status ota_provision_record_append(struct ota_provision_record *r, const cJSON *line, struct ota_err *err) {
    OTA_CLEAN_FREE char *json = cJSON_PrintUnformatted(line);
    if (!json)
        return ota_err_set(err, OTA_MEMORY, "out of memory");
    OTA_CLEAN_FREE char *text = ota_sprintf("%s\n", json);
    size_t n = strlen(text);
    if (n > LINE_MAX_BYTES)
        return ota_err_set(err, OTA_TOO_LARGE, "the record of a board has %zu bytes; at most %u are read", n,
                           LINE_MAX_BYTES);
    OTA_TRY(r->fd < 0 ? begin(r, err) : OTA_OK);
    if (!write_all(r->fd, text, n, r->end)) {
        enum ota_status st = ota_fs_errno(err, r->path, "cannot write");
        (void)!ftruncate(r->fd, (off_t)r->end);
        return st;
    }
    r->end += n;
    return OTA_OK;
}
