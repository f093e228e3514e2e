/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's files share. Each action of the machine is one function: OTA_OK with *event set (DONE when
 * untouched), or a status, which the loop turns into FAILED with a log line and a note for the next report.
 */
#ifndef OTA_AGENT_PRIVATE_H
#define OTA_AGENT_PRIVATE_H

#include "ota/agent.h"
#include "ota/bundle.h"

/* ---- actions, one file each ---------------------------------------------------------------------------- */
OTA_MUST_USE enum ota_status ota_agent_poll(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_plan(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_stage(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_check(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_commit(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_copy(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_activate(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_self_test(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_prove(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_roll_back(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_report(struct ota_agent *a, enum ota_event *event, struct ota_err *err);

/* ---- agent.c, agent_plan.c, agent_check.c ---------------------------------------------------------------- */
uint64_t ota_agent_uptime(const struct ota_agent *a);        /* milliseconds since boot */
uint32_t ota_agent_poll_interval(const struct ota_agent *a); /* seconds */
/* Runs the machine from this event on until it sleeps or a reboot is due. */
void ota_agent_drive(struct ota_agent *a, enum ota_event event);
/* *busy: something must end before anything new may begin. */
OTA_MUST_USE enum ota_status ota_agent_settle(struct ota_agent *a, bool *busy, struct ota_err *err);
/* The plan for a->release, in a->journal; a->label names the step that has no room or no place. */
OTA_MUST_USE enum ota_status ota_agent_make_plan(struct ota_agent *a, struct ota_err *err);
bool ota_agent_all_skipped(const struct ota_journal *j);
/* Is the plan one for this release, image by image. */
bool ota_agent_same_release(const struct ota_journal *j, const struct ota_release *r);

/* ---- agent_confirm.c ----------------------------------------------------------------------------------- */
/* Which boot this is, from journal and slot states. Finishes what was confirmed but not written down. */
OTA_MUST_USE enum ota_status ota_agent_boot_event(struct ota_agent *a, enum ota_event *event, struct ota_err *err);
/* The release is installed whole: board record, report, no journal. May be repeated after a power cut. */
OTA_MUST_USE enum ota_status ota_agent_finish(struct ota_agent *a, struct ota_err *err);
/* The release is not tried again until the channel offers something else. *why becomes the report's reason. */
OTA_MUST_USE enum ota_status ota_agent_give_up(struct ota_agent *a, enum ota_result result, const char *stage,
                                               const struct ota_err *why, struct ota_err *err);
/* The old app runs and has to decide about the new one: what ota_boot() could not write down then, or rolled back for
 * want of a server, and for as long the old app has reached none either. */
bool ota_agent_abandoned(const struct ota_agent *a);
uint32_t ota_agent_confirm_timeout(const struct ota_agent *a);
/* Is the bundle that brought the app on trial (door FILE) there and right still. */
OTA_MUST_USE enum ota_status ota_agent_read_bundle_again(struct ota_agent *a, struct ota_err *err);

/* ---- agent_role.c -------------------------------------------------------------------------------------- */
/* A verified role in cfg.buf, and the paths targets delegated to it; "": it is targets itself. */
struct ota_agent_role {
    struct ota_metadata role;
    char path[OTA_DELEGATION_PATH_MAX + 1];
};
/* The role that lists release.txt of this counter. Uses a->scratch. */
OTA_MUST_USE enum ota_status ota_agent_open_role(struct ota_agent *a, uint32_t counter, struct ota_agent_role *role,
                                                 struct ota_err *err);
/* Reads a release into a->release; *found = false when the role does not list it, or not by right. */
OTA_MUST_USE enum ota_status ota_agent_read_listed(struct ota_agent *a, const struct ota_agent_role *role,
                                                   uint32_t counter, bool *found, struct ota_err *err);

/* ---- agent_poll.c, agent_select.c ---------------------------------------------------------------------- */
/* One verified run of root, timestamp and snapshot. */
OTA_MUST_USE enum ota_status ota_agent_refresh(struct ota_agent *a, bool if_changed, bool *unchanged,
                                               struct ota_err *err);
/* Ends that run: what was verified is kept, also when the run failed with `status`, which is then returned with its
 * *err. */
OTA_MUST_USE enum ota_status ota_agent_end_run(struct ota_agent *a, bool whole, enum ota_status status,
                                               struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_load_trust(struct ota_agent *a, struct ota_err *err);
/* After a refresh: is a release offered to this board? It is then in a->release, and fits every rule that metadata
 * can tell. */
OTA_MUST_USE enum ota_status ota_agent_select(struct ota_agent *a, bool *offered, struct ota_err *err);
/* May this release be installed on this board, as far as its metadata tells. */
OTA_MUST_USE enum ota_status ota_agent_check_release(const struct ota_agent *a, const struct ota_release *r,
                                                     struct ota_err *err);
/* agent_recover.c: finds the counter of the running app among the listed releases. */
OTA_MUST_USE enum ota_status ota_agent_recover_counter(struct ota_agent *a, const struct ota_agent_role *role,
                                                       struct ota_err *err);
/* agent_recover.c: does the record speak of another app than the one that runs? Then its counter does not count. */
void ota_agent_notice_fallback(struct ota_agent *a);
/* A refusal that the same release on the same board would meet again. */
bool ota_agent_lasting(enum ota_status code);

/* ---- agent_stager.c ------------------------------------------------------------------------------------ */
/* From s->done on, what is there is hashed. Then: bytes go where room() points, at most as many as it says, and take()
 * is told; end() when none are left. An error of any of them ends it with abort(). a->scratch is the stager's between
 * room() and take(), and while fill > 0. */
OTA_MUST_USE enum ota_status ota_stager_begin(struct ota_stager *t, struct ota_agent *a, struct ota_journal_step *s,
                                              struct ota_err *err);
size_t ota_stager_room(const struct ota_stager *t, uint8_t **p);
OTA_MUST_USE enum ota_status ota_stager_take(struct ota_stager *t, size_t n, struct ota_err *err);
uint32_t ota_stager_left(const struct ota_stager *t); /* bytes still wanted */
/* Checks the digest; the step is STAGED, in memory. */
OTA_MUST_USE enum ota_status ota_stager_end(struct ota_stager *t, struct ota_err *err);
void ota_stager_abort(struct ota_stager *t);
/* Writes down how many whole sectors are in flash, if the journal does not know. */
OTA_MUST_USE enum ota_status ota_stager_save(struct ota_stager *t, struct ota_err *err);
void ota_stager_log(const struct ota_stager *t, enum ota_log_level level, const char *what);

/* ---- agent_download.c ---------------------------------------------------------------------------------- */
OTA_MUST_USE enum ota_status ota_agent_download(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err);

/* ---- agent_list.c -------------------------------------------------------------------------------------- */
/* REFUSED_BY_APP when a list is at work and does not name every label of a->release. */
OTA_MUST_USE enum ota_status ota_agent_check_list(const struct ota_agent *a, struct ota_err *err);
/* Notes how an image went; true: go on with the next one though it failed. */
bool ota_agent_list_goes_on(struct ota_agent *a, const char *label, enum ota_status status);

/* ---- agent_patience.c ---------------------------------------------------------------------------------- */
/* A try of the release in the journal failed, for *why: noted, and after the last one given up if it was this board's
 * own fault or the signer's; what a mirror can cause only makes the tries rarer. */
OTA_MUST_USE enum ota_status ota_agent_count_try(struct ota_agent *a, const char *stage, bool own,
                                                 const struct ota_err *why, struct ota_err *err);
/* Copying failed, for *why. *again: noted, and worth another reset; if not, nothing was done. */
OTA_MUST_USE enum ota_status ota_agent_count_copy(struct ota_agent *a, const struct ota_err *why, bool *again,
                                                  struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_forget_tries(struct ota_agent *a, struct ota_err *err);
/* A fault that another try meets again only if the content or this board is at fault. */
bool ota_agent_counts(enum ota_status code);
/* The application says not now to a->release: by its hook, or because the time it put updates off for is not over.
 * Logs it. */
bool ota_agent_put_off(struct ota_agent *a);
/* The latter alone. */
bool ota_agent_deferred(struct ota_agent *a);
/* May a staged update be installed now; if not a->wait_s says when. */
bool ota_agent_in_window(struct ota_agent *a);
/* Time up to now does not count: the update was put off, or has only begun. */
void ota_agent_skip_time(struct ota_agent *a);
/* Brings journal.spent_s up to date, and writes it down from time to time. TIMEOUT: the deadline has passed. */
OTA_MUST_USE enum ota_status ota_agent_spend_time(struct ota_agent *a, struct ota_err *err);

/* ---- agent_server.c ------------------------------------------------------------------------------------ */
/* The server of `address` did not prove its name, says *why: may this run fetch from it all the same? Logs it. Tokens
 * and reports never travel so. */
bool ota_agent_go_unproven(struct ota_agent *a, enum ota_address address, const struct ota_err *why);
/* Around each run: the count of polls in a row that met such a server. */
void ota_agent_begin_proof(struct ota_agent *a);
void ota_agent_end_proof(struct ota_agent *a);
/* An action of this run failed. */
void ota_agent_note_proof(struct ota_agent *a, enum ota_action action, enum ota_status status);

/* ---- agent_place.c ------------------------------------------------------------------------------------- */
/* The slot the next app goes to; UNSUPPORTED when there is none but the running one's. */
OTA_MUST_USE enum ota_status ota_agent_passive_slot(const struct ota_agent *a, const struct ota_partition **slot,
                                                    struct ota_err *err);
/* Where `length` bytes may be staged beside what a->journal has placed already. STAGING when nowhere. */
OTA_MUST_USE enum ota_status ota_agent_place(const struct ota_agent *a, uint32_t length, uint32_t *offset,
                                             struct ota_err *err);

/* Would writing these bytes touch the bootloader that the ROM falls back to. False where there is none. */
bool ota_agent_covers_recovery(const struct ota_agent *a, uint32_t offset, uint32_t size);

/* ---- agent_records.c ----------------------------------------------------------------------------------- */
OTA_MUST_USE enum ota_status ota_agent_load_records(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_save_board(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_save_journal(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_drop_journal(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_save_report(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_save_server(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_save_tries(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_save_defer(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_drop_tries(struct ota_agent *a, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_drop_defer(struct ota_agent *a, struct ota_err *err);
/* Keeps the outcome of an update for the next report; writes nothing when it is what is known already. why NULL: no
 * fault. */
OTA_MUST_USE enum ota_status ota_agent_note(struct ota_agent *a, enum ota_result result, const char *stage,
                                            uint32_t counter, const struct ota_err *why, struct ota_err *err);
const struct ota_installed *ota_agent_installed(const struct ota_agent *a, const char *label);
/* In a->board only; the caller saves it. */
void ota_agent_set_installed(struct ota_agent *a, const struct ota_journal_step *s, uint32_t counter);
void ota_agent_forget_installed(struct ota_agent *a, const char *label);
/* Names the step at work; NULL: none. */
void ota_agent_at(struct ota_agent *a, const char *label);
/* Recomputes a->mixed and a->counter_unknown. */
void ota_agent_judge_board(struct ota_agent *a);

/* ---- agent_flash.c ------------------------------------------------------------------------------------- */
/* A run of flash as a source; *w must live as long as it is used. */
struct ota_flash_window {
    const struct ota_flash *flash;
    uint32_t offset;
};
struct ota_source ota_flash_source(struct ota_flash_window *w, const struct ota_flash *flash, uint32_t offset,
                                   uint32_t length);
/* SHA-256 of flash; uses a->scratch. */
OTA_MUST_USE enum ota_status ota_agent_hash(struct ota_agent *a, uint32_t offset, uint32_t length,
                                            uint8_t out[OTA_SHA256_LEN], struct ota_err *err);
/* Adds flash to a running hash; uses a->scratch. */
OTA_MUST_USE enum ota_status ota_agent_hash_add(struct ota_agent *a, struct ota_sha256 *hash, uint32_t offset,
                                                uint32_t length, struct ota_err *err);
/* *holds: the image is at `offset`. With room > its length: and the rest of the room is erased. Uses a->scratch. */
OTA_MUST_USE enum ota_status ota_agent_holds(struct ota_agent *a, const struct ota_step *image, uint32_t offset,
                                             uint32_t room, bool *holds, struct ota_err *err);
/* Copies what differs, sector by sector, each read back; the rest of the `room` becomes FF. Uses a->scratch and
 * cfg.buf. *written: sectors. */
OTA_MUST_USE enum ota_status ota_agent_copy_sectors(struct ota_agent *a, uint32_t from, uint32_t length, uint32_t to,
                                                    uint32_t room, uint32_t *written, struct ota_err *err);
/* Reads and judges the image at `offset` for this board: into a->scratch.image[0], for bootloaders the running one
 * into [1]. */
OTA_MUST_USE enum ota_status ota_agent_check_app(struct ota_agent *a, uint32_t offset, uint32_t length, uint32_t room,
                                                 struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_check_bootloader(struct ota_agent *a, uint32_t offset, uint32_t length,
                                                        struct ota_err *err);
OTA_MUST_USE enum ota_status ota_agent_check_table(struct ota_agent *a, uint32_t offset, uint32_t length,
                                                   struct ota_err *err);

uint32_t ota_sector_up(uint32_t n);
/* Room of the bootloader: from its offset to the table's. */
uint32_t ota_agent_bootloader_room(const struct ota_agent *a);

#endif
