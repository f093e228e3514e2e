/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A NOR flash chip in a file, strict: bits only fall, 4 KiB are erased at a time, and a program that breaks a rule is
 * stopped with a message (abort), because a real chip would quietly store something else. What lies outside of the
 * chip is an ordinary error.
 *
 *   flash bytes | `extra` bytes that are not flash (eFuses: sim/board.h)
 *
 * Power may be cut at a chosen operation. After that every access fails until ota_nor_power_on(): the program
 * unwinds, and the file holds what a chip would. The file is locked while it is open: one writer, or several readers.
 */
#ifndef OTA_SIM_NOR_H
#define OTA_SIM_NOR_H

#include "ota/ports.h"

#define OTA_NOR_SIZE_MIN 0x100000u
#define OTA_NOR_SIZE_MAX 0x8000000u
#define OTA_NOR_WRITE_ALIGN 4u

enum ota_nor_mode { OTA_NOR_READ, OTA_NOR_WRITE };

/* What is left of the operation during which power is cut. */
enum ota_nor_cut { OTA_NOR_CUT_CLEAN /* nothing happened */, OTA_NOR_CUT_TORN /* its first half happened */ };

struct ota_nor {
    int fd;
    char *path;
    uint32_t size, extra;
    uint32_t *erases;       /* per sector, since the file was opened */
    uint64_t operations;    /* writes and sector erases since the file was opened */
    uint64_t bytes_written; /* likewise */
    uint64_t cut_at;        /* the operation that meets the power cut; 0: none */
    enum ota_nor_cut cut;
    bool off; /* power is off */
    struct ota_flash port;
};

/* IO, TRUNCATED or TOO_LARGE when it is no such file; BUSY when another program has it. */
OTA_MUST_USE enum ota_status ota_nor_open(struct ota_nor *n, const char *path, uint32_t extra, enum ota_nor_mode mode,
                                          struct ota_err *err);
/* Also for one that did not open. */
void ota_nor_close(struct ota_nor *n);

/* Cuts power at the `after`-th operation from now (1: the next one). */
void ota_nor_cut_power(struct ota_nor *n, uint64_t after, enum ota_nor_cut cut);
void ota_nor_power_on(struct ota_nor *n);
/* What was written is on disk. */
OTA_MUST_USE enum ota_status ota_nor_sync(struct ota_nor *n, struct ota_err *err);
/* Most erases of one sector. */
uint32_t ota_nor_wear(const struct ota_nor *n);

/* The bytes behind the flash; off + len <= extra. */
OTA_MUST_USE enum ota_status ota_nor_read_extra(const struct ota_nor *n, uint32_t off, void *p, size_t len,
                                                struct ota_err *err);
OTA_MUST_USE enum ota_status ota_nor_write_extra(struct ota_nor *n, uint32_t off, const void *p, size_t len,
                                                 struct ota_err *err);

#endif
