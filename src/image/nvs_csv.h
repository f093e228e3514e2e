/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVS partitions from CSV, as esp-idf-nvs-partition-gen (0.2) makes them in format version 2: equal byte for byte.
 *
 *   key,type,encoding,value
 *   NAME,namespace,,                 the rows that follow are in it
 *   KEY,data,ENCODING,VALUE          KEY,file,ENCODING,PATH: the value is what the file holds
 *
 * ENCODING: u8 i8 u16 i16 u32 i32 u64 i64 (decimal), string, hex2bin, base64, binary, blob_fill(N;0xNN) and
 * blob_sz_fill(N;0xNN). The columns are found by their names. A line that begins with '#' is none, also inside quotes;
 * quotes hold commas and lines, "" in them is one quote.
 *
 * Kept of the generator: a row sta.ssid or sta.pswd, whichever is first, brings sta.apinfo, sta.pmk and sta.apsw, and
 * the last of ap.ssid, ap.passwd and ap.authmode (other than 0) brings ap.pmk_info.
 * Refused though it takes them: a namespace named again after another (its keys would go into that one), keys before
 * any namespace, keys twice in a namespace, empty keys or such beyond ASCII, types it does not know (it takes them for
 * data), string and blob encodings in capitals (it leaves out the NUL), base64 with other characters in it, binary
 * data beyond ASCII, strings with a NUL, rows cut short or with text in columns that have no name (it drops it), quotes
 * not closed or with text behind them, a file for the Wi-Fi keys.
 * Taken though it refuses them: strings of 3968 to 3999 bytes, a byte order mark. A partition
 * of two pages always has both; the generator leaves a blank one out.
 */
#ifndef OTA_IMAGE_NVS_CSV_H
#define OTA_IMAGE_NVS_CSV_H

#include "image/nvs.h"

#define OTA_NVS_CSV_MAX (1024u * 1024u)
#define OTA_NVS_CSV_COLUMNS 64u /* further ones are counted and dropped */

/* What reading needs besides the text, and what it remembers between files of one partition. */
struct ota_nvs_csv {
    struct ota_nvs_writer *writer; /* as_generator */
    /* Appends the file of a row of type file; NULL: there are none. */
    enum ota_status (*read_file)(const void *ctx, const char *path, struct ota_buf *out, struct ota_err *err);
    const void *read_ctx;
    char current[OTA_NVS_KEY_MAX + 1]; /* the namespace of the rows that follow */
    bool station_done;
    char *ap_ssid, *ap_passwd; /* owned */
    bool ap_secured;
};
void ota_nvs_csv_free(struct ota_nvs_csv *c);
/* Puts every row into the partition. `name` is the file's, for messages: "<name>:<line>: "; NULL: the text is
 * of no file. ARGUMENT for what the text says, NO_SPACE when the partition is full; what it holds then is to be given up. */
OTA_MUST_USE enum ota_status ota_nvs_csv_read(struct ota_nvs_csv *c, struct ota_span text, const char *name,
                                              struct ota_err *err);

/* ---- its parts ----------------------------------------------------------------------------------------- */

/* One record: the columns' texts, and the line it begins in. Free it once at the end. */
struct ota_nvs_csv_record {
    unsigned line;
    size_t count;   /* of the columns kept */
    size_t columns; /* in the text */
    struct ota_buf column[OTA_NVS_CSV_COLUMNS];
};
void ota_nvs_csv_record_free(struct ota_nvs_csv_record *r);
struct ota_nvs_csv_lines {
    struct ota_span rest;
    unsigned line; /* taken so far */
};
/* The next record that is not blank; *more false: there is none. ARGUMENT. */
OTA_MUST_USE enum ota_status ota_nvs_csv_next(struct ota_nvs_csv_lines *lines, struct ota_nvs_csv_record *r, bool *more,
                                              struct ota_err *err);
/* Puts one value. `file`: it comes from a file. ARGUMENT. */
OTA_MUST_USE enum ota_status ota_nvs_csv_put(struct ota_nvs_writer *w, const char *key, const char *encoding,
                                             struct ota_span value, bool file, struct ota_err *err);
/* Entries that a Wi-Fi key brings along, before and behind its own. */
OTA_MUST_USE enum ota_status ota_nvs_csv_wifi_before(struct ota_nvs_csv *c, const char *key, const char *value,
                                                     struct ota_err *err);
OTA_MUST_USE enum ota_status ota_nvs_csv_wifi_after(struct ota_nvs_csv *c, const char *key, struct ota_err *err);
bool ota_nvs_csv_is_wifi(const char *key);
/* ARGUMENT unless ota_nvs_csv_put() knows the encoding. */
OTA_MUST_USE enum ota_status ota_nvs_csv_check_encoding(const char *key, const char *encoding, bool file,
                                                        struct ota_err *err);

#endif
