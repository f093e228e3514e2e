/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot signatures of what goes into a release: host/boot_rules.h, of the release's files. */
#include "release/build_parts.h"

struct ota_boot_rules ota_build_signature_rules(const struct ota_build_options *o, const struct ota_candidates *c) {
    return (struct ota_boot_rules){
        .chip = ota_chip_by_name(ota_span_str(o->chip)), .build = &c->signing, .policy = o->policy};
}

enum ota_status ota_build_check_signature(struct ota_build *b, const struct ota_build_options *o,
                                          const struct ota_candidates *c, const struct ota_candidate *file,
                                          const struct ota_source *s, uint64_t length, struct ota_err *err) {
    const struct ota_boot_rules rules = ota_build_signature_rules(o, c);
    const struct ota_boot_file judged = {.kind = file->kind, .path = file->path, .source = s, .length = length};
    struct ota_signatures found;
    b->secure_boot = ota_boot_rules_secure_boot(&rules);
    b->signature_blocks = b->secure_boot ? ota_boot_rules_blocks(&rules) : 1; /* they may be verified on update only */
    return ota_boot_rules_check(&rules, &judged, &found, err);
}

/* ESP-IDF looks at partitions of subtype undefined only. */
enum ota_status ota_build_check_data_signature(struct ota_build *b, const struct ota_build_options *o,
                                               const struct ota_candidates *c, const struct ota_candidate *file,
                                               const struct ota_source *s, struct ota_err *err) {
    if (!(o->policy && o->policy->signed_data) && !c->signing.data)
        return OTA_OK;
    if (!b->table_known) {
        ota_build_remark(b, "whether %s must be signed, only a partition table tells; name it with --table",
                         file->label);
        return OTA_OK;
    }
    const struct ota_partition *row = ota_table_by_label(&b->table, file->label);
    if (!row || row->type != OTA_PART_DATA || row->subtype != OTA_DATA_UNDEFINED)
        return OTA_OK;
    return ota_build_check_signature(b, o, c, file, s, s->size, err);
}
