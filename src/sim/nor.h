/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A NOR flash chip, strict: bits only fall, 4 KiB are erased at a time, and a program that breaks a rule is stopped
 * with a message (abort), because a real chip would quietly store something else. What lies outside of the chip is an
 * ordinary error.
 *
 *   flash bytes | `extra` bytes that are not flash (eFuses: sim/board.h)
 *
 * It lies in a file, which is locked while it is open (one writer, or several readers), or in memory that a forked
 * child goes on with as a copy of its own.
 *
 * Power may be cut at a chosen operation. After that every access fails until ota_nor_power_on(): the program unwinds,
 * and the flash holds what a chip would. What a cut leaves depends on operation, kind of cut and seed alone.
 */
#ifndef OTA_SIM_NOR_H
#define OTA_SIM_NOR_H

#include "ota/ports.h"

#define OTA_NOR_SIZE_MIN 0x100000u
#define OTA_NOR_SIZE_MAX 0x8000000u
#define OTA_NOR_WRITE_ALIGN 4u

enum ota_nor_mode { OTA_NOR_READ, OTA_NOR_WRITE };

/* What is left of the operation during which power is cut. An operation is a write or the erase of one sector. */
enum ota_nor_cut {
    OTA_NOR_CUT_CLEAN, /* nothing happened */
    OTA_NOR_CUT_TORN,  /* its first half happened */
    OTA_NOR_CUT_AFTER, /* all of it happened */
    OTA_NOR_CUT_BYTE,  /* it ended at a byte of the seed's choice, within a page */
    OTA_NOR_CUT_BITS,  /* write: one page, erase: the sector; there some bits have changed and others not */
    OTA_NOR_CUT_COUNT
};
const char *ota_nor_cut_name(enum ota_nor_cut cut);

/* What is wrong with a sector, bits. A stuck one reports success and reads back something else. */
enum {
    OTA_NOR_STUCK_ERASE = 1, /* some bits stay 0 */
    OTA_NOR_STUCK_WRITE = 2, /* some bits stay 1 */
    OTA_NOR_FAIL_ERASE = 4,  /* FLASH, nothing happened */
    OTA_NOR_FAIL_WRITE = 8   /* likewise */
};

struct ota_nor {
    int fd;
    uint8_t *memory; /* NULL: in the file */
    char *path;
    uint32_t size, extra;
    uint32_t *erases;        /* per sector, since it was opened */
    uint8_t *faults;         /* per sector: bits as above */
    uint32_t worn_after;     /* erases after which a sector is stuck in both ways; 0: it lasts for ever */
    uint64_t operations;     /* writes and sector erases since it was opened */
    uint64_t bytes_written;  /* likewise */
    uint64_t sectors_erased; /* likewise */
    uint64_t cut_at;         /* the operation that meets the power cut; 0: none */
    uint64_t seed;           /* of BYTE and BITS */
    enum ota_nor_cut cut;
    bool off; /* power is off */
    /* NULL, or called before each operation, which is the `operation`-th. It may fork, and cut the power of this very
     * operation with ota_nor_cut_power(n, 1, ...). */
    void (*before)(void *ctx, struct ota_nor *n, uint64_t operation);
    void *before_ctx;
    struct ota_flash port;
};

/* IO, TRUNCATED or TOO_LARGE when it is no such file; BUSY when another program has it. */
OTA_MUST_USE enum ota_status ota_nor_open(struct ota_nor *n, const char *path, uint32_t extra, enum ota_nor_mode mode,
                                          struct ota_err *err);
/* An erased chip of `size` bytes, whole sectors, in memory; the extra bytes are FF too. */
OTA_MUST_USE enum ota_status ota_nor_memory(struct ota_nor *n, uint32_t size, uint32_t extra, struct ota_err *err);
/* Also for one that did not open. */
void ota_nor_close(struct ota_nor *n);

/* Cuts power at the `after`-th operation from now (1: the next one). */
void ota_nor_cut_power(struct ota_nor *n, uint64_t after, enum ota_nor_cut cut);
void ota_nor_power_on(struct ota_nor *n);
/* Bits of the enum above for one sector; 0 mends it. */
void ota_nor_fault(struct ota_nor *n, uint32_t sector, uint8_t faults);
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
