/* SPDX-License-Identifier: Apache-2.0 */
/* Options and details of the verbs that make what a board is flashed with; their rows are in verbs.c. */
#include "ctl/verbs_board.h"

/* clang-format off */

#define TABLE_OPTIONS \
    {"offset", 0, "ADDRESS", "where the table lies in the flash; default 0x8000,\nin a flash image where one is found", false}, \
    {"flash-size", 0, "SIZE", "partitions must end within: 4MB, 8MB, ...", false}, \
    {"chip", 0, "CHIP", "its chip, as idf.py set-target names it: says where\nthe bootloader lies", false}, \
    {"primary-bootloader-offset", 0, "ADDRESS", "where the bootloader lies; default: of CHIP", false}, \
    {"recovery-bootloader-offset", 0, "ADDRESS", "where a recovery bootloader lies", false}, \
    {"extra-partition-subtypes", 0, "TYPE,NAME,N", "a word of the project for the column SubType", true}, \
    {"secure", 0, "v1|v2", "apps must suit this version of Secure Boot", false}

const struct ota_option ota_verb_table_show_options[] = {
    {"csv", 0, NULL, "as CSV, like gen_esp32part.py", false},
    TABLE_OPTIONS,
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_table_show_details[] =
    "Shows a partition table with the free room in it. FILE is its CSV, its binary, or a\n"
    "flash image with the table in it (esptool read-flash, merge-bin). A table that is\n"
    "damaged is shown, and is a failure; one that would not boot is shown with a note.\n"
    "Needs no workspace.\n\n"
    "JSON: file, form (csv, binary, flash), offset, has_md5, md5_valid, has_end, rows\n"
    "(label, type, subtype, offset, size, encrypted, readonly), sound, reason.";

const struct ota_option ota_verb_table_build_options[] = {
    {"output", 'o', "FILE", "the binary; an earlier one is replaced", false},
    TABLE_OPTIONS,
    {"no-verify", 0, NULL, "write it even if no board could boot by it", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_table_build_details[] =
    "Makes the binary of a partition table's CSV, byte for byte what gen_esp32part.py of\n"
    "ESP-IDF makes of it. $NAME and ${NAME} in the CSV are replaced from the environment.\n"
    "What is wrong is told with file, line and remedy.\n\n"
    "Refused here though that tool takes it: names that are longer than 16 characters,\n"
    "which it cuts; variables that are not set; partitions that end at 4 GiB or beyond;\n"
    "in a cell other than the name, digits of other scripts, and tabs and other control\n"
    "characters, as between a number and its K; and, unless with --no-verify, what no\n"
    "board could use: names that are empty, not ASCII, or have a space, a double quote,\n"
    "a slash or a backslash in them or @ in front; partitions of no size, reserved types,\n"
    "a second factory or slot of the same number, slots with a hole in their numbers or\n"
    "without otadata, no app at all, an nvs partition that is flagged encrypted, rows of\n"
    "bootloader and table that contradict where these lie.\n\n"
    "JSON: file, form, offset, output, partitions, remarks.";

const struct ota_option ota_verb_table_check_options[] = {
    {"bootloader", 0, "FILE", "this bootloader must fit before the table", false},
    TABLE_OPTIONS,
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_table_check_details[] =
    "Checks a partition table as gen_esp32part.py does, and then for what a board needs\n"
    "that takes updates: two ota_ slots or more, otadata, ota_state of 40 KiB (data, nvs)\n"
    "and ota_id of 16 KiB (data, nvs), which only a build that brings its trust along\n"
    "(otactl firmware configure) does without. With --chip also where bootloaders lie, and\n"
    "whether app partitions are small enough to boot from.\n"
    "FILE is a CSV, a binary, or a flash image with a table in it.\n\n"
    "JSON: file, ok, reason (why not); form and offset if a table was read, partitions,\n"
    "slots, slot_size (of the smallest), remarks if it is sound.";


const struct ota_option ota_verb_table_diff_options[] = {
    TABLE_OPTIONS,
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_table_diff_details[] =
    "Shows which partitions were added, removed, moved, grown, shrunk, or have another\n"
    "type or flags; matched by their labels. OLD and NEW are CSVs, binaries, or flash\n"
    "images: what a board has, for instance, and what a build would give it.\n\n"
    "JSON: partitions (label, change, old and new: type, subtype, offset, size, flags, or\n"
    "null).";
const char ota_verb_table_plan_details[] =
    "Says what a release with the table NEW does to boards that have OLD: what happens\n"
    "to each partition, whether its data is kept, cut, lost or new, and whether a\n"
    "release may do that at all. App slots, otadata, nvs, nvs_keys, ota_state, ota_id,\n"
    "phy, the secure certificate and recovery never move, shrink, vanish or change over\n"
    "the air. Ends with 1 when boards would refuse it, or when NEW lacks what they need\n"
    "for updates.\n\n"
    "A data partition that moves, is cut or is new, and a SPIFFS or LittleFS that has\n"
    "another size, is filled by a release with its image (otactl push --with LABEL, which\n"
    "it names); what the board itself wrote there is gone.\n\n"
    "JSON: partitions (as table diff, and data, over_the_air, reason), over_the_air,\n"
    "brick_risk, images (labels that a release should fill), reason.";

const struct ota_option ota_verb_firmware_configure_options[] = {
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"channel", 0, "NAME", "the channel boards follow unless their ota_id says\nanother; default: default_channel, else stable", false},
    {"url", 0, "URL", "what boards call; default: url of ota.conf", false},
    {"ca", 0, "FILE", "CA certificate of the server; default: keys/ca.crt", false},
    {"no-ca", 0, NULL, "trust ESP-IDF's certificate bundle alone", false},
    {"root", 0, "FILE", "the root.json that boards trust first; default: the\nnewest of the workspace", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_firmware_configure_details[] =
    "Writes what a firmware brings along of this workspace into main/trust/ of the\n"
    "ESP-IDF project in DIR (default: firmware): root.json, the CA of the server as\n"
    "ca.pem, and trust.h with product, channel and addresses. The folder changes as a\n"
    "whole, and not at all when it is up to date. Nothing in it is secret; a board's id\n"
    "and token are in its partition ota_id (otactl nvs identity), which comes first in\n"
    "everything it says. An application of your own takes the folder into its program\n"
    "with the lines of \"Trust in the build\" in components/ota_port_esp/README.md.\n\n"
    "JSON: folder, product, channel, url_metadata, url_targets, url_api, ca, changed,\n"
    "embedded (main/CMakeLists.txt names root.json).";

const struct ota_option ota_verb_nvs_build_options[] = {
    {"output", 'o', "FILE", "the partition; an earlier one is replaced", false},
    {"size", 0, "SIZE", "of the partition: 24K, 0x6000, ...", false},
    {"keys", 0, "FILE", "encrypt it with these keys (otactl nvs new-keys)", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_nvs_build_details[] =
    "Makes the image of an NVS partition of CSV files, byte for byte what\n"
    "nvs_partition_gen.py (esp-idf-nvs-partition-gen 0.2, format version 2) makes of\n"
    "them. A CSV has the columns key, type, encoding and value:\n\n"
    "NAME,namespace,, opens a namespace; KEY,data,ENCODING,VALUE puts a value into it;\n"
    "KEY,file,ENCODING,PATH takes it from a file. Encodings: u8 i8 u16 i16 u32 i32 u64\n"
    "i64 (decimal), string, hex2bin, base64, binary, blob_fill(N;0xNN),\n"
    "blob_sz_fill(N;0xNN). As there, lines with # first are comments, and sta.ssid,\n"
    "sta.pswd and ap.ssid, ap.passwd, ap.authmode bring the keys that the Wi-Fi driver\n"
    "wants beside them. A partition below 12K is read-only; else one page stays free.\n\n"
    "Refused here though that tool takes it: a namespace named again after another, into\n"
    "which it would put the keys; keys before any namespace, twice in one, empty or not\n"
    "ASCII; types other than these three; encodings in capitals; base64 with other\n"
    "characters; rows cut short, or with more columns than have a name, which it drops\n"
    "(quotes keep a comma in a value); quotes not closed, or with text behind them.\n"
    "Strings of 3968 to 3999 bytes are taken, and an 8K partition has 8K also when its\n"
    "second page is blank.\n"
    "FILE is readable by you alone: what stands in it may be secret.\n\n"
    "JSON: output, size, pages_used.";

const struct ota_option ota_verb_nvs_show_options[] = {
    {"keys", 0, "FILE", "the keys of an encrypted partition (chmod 600)", false},
    {"values", 0, NULL, "show strings, and blobs in hexadecimal, too: they\nmay be secret", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_nvs_show_details[] =
    "Lists what an NVS partition holds, in the order it was written, and checks every\n"
    "CRC. FILE is its image, or what esptool read-flash read.\n\n"
    "JSON: file, size, items (namespace, key, type, length; value: of numbers, with\n"
    "--values of all).";

const struct ota_option ota_verb_nvs_new_keys_options[] = {
    {"output", 'o', "FILE", "the keys partition; never overwritten", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_nvs_new_keys_details[] =
    "Makes keys for an encrypted NVS partition, as the partition nvs_keys of a board: 4096\n"
    "bytes that are flashed where flash encryption protects them. \"otactl nvs build\n"
    "--keys\" encrypts with them. FILE is readable by you alone.\n\n"
    "JSON: file.";

const struct ota_option ota_verb_nvs_identity_options[] = {
    {"id", 0, "ID", "of the board: letters, digits and . _ : -", false},
    {"output", 'o', "FILE", "the partition; default: ota_id-ID.bin", false},
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"channel", 0, "NAME", "the channel it follows; default:\ndefault_channel of ota.conf, else stable", false},
    {"groups", 0, "NAMES", "its groups, separated by commas", false},
    {"url", 0, "URL", "what it calls; default: url of ota.conf", false},
    {"ca", 0, "FILE", "CA certificate of the server; default: keys/ca.crt", false},
    {"no-ca", 0, NULL, "trust ESP-IDF's certificate bundle alone", false},
    {"root", 0, "FILE", "its trusted root.json; default: the newest of the\nworkspace", false},
    {"token-file", 0, "FILE", "the token of a board that was added before (chmod\n600); default: the board is added now", false},
    {"crt", 0, "FILE", "its client certificate, PEM; the fleet knows it from\nthen on", false},
    {"key", 0, "FILE", "the key of that certificate, PEM (chmod 600)", false},
    {"table", 0, "FILE", "its partition table (CSV, binary or flash image):\nsays where ota_id lies, and its size", false},
    {"offset", 0, "ADDRESS", "where the table itself lies, if not at 0x8000", false},
    {"size", 0, "SIZE", "of ota_id; default: as the table says, else 16K", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_nvs_identity_details[] =
    "Makes the partition ota_id of a real board: its id, product, channel, groups and\n"
    "addresses, a token for its reports, the trusted root and the CA, as otadevice\n"
    "create gives them to a virtual one. Makes the board known to the workspace like\n"
    "otactl device add does, unless it is and its token is given. Prints the command that\n"
    "flashes it. FILE is readable by you alone, and never overwritten. Stopped at any\n"
    "moment, the same command goes on with the file that is there.\n\n"
    "With --crt the certificate's key is the only one that counts for the board, also of\n"
    "a board that is known. Where boards are known to a server elsewhere, add it there\n"
    "with otactl device add --crt.\n\n"
    "JSON: output, id, product, channel, size, offset (null: no table), registered,\n"
    "command, argv (its words).";

const struct ota_option ota_verb_provision_options[] = {
    {"id", 0, "ID", "one board: letters, digits and . _ : -", true},
    {"csv", 0, "FILE", "the boards: names of columns, then a line for each", false},
    {"config", 0, "FILE", "what further columns of it are: KEY,TYPE,ENCODING,\nas mfg_gen.py has it", false},
    {"output", 'o', "DIR", "where the files go; default: boards", false},
    {"parts", 0, NULL, "nvs and ota_id in files of their own, instead of\na whole flash image for each board", false},
    {"wifi-file", 0, "FILE", "name and password of the network of all boards, a\nline each (chmod 600)", false},
    {"softap-file", 0, "FILE", "password of the boards' own access point (chmod 600)", false},
    {"client-cert", 0, NULL, "give each board a P-256 key and a certificate of the\nworkspace's CA with its id", false},
    {"again", 0, NULL, "make boards anew whose files are gone or changed,\nwhich would be made of something else now, or were\nrevoked", false},
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"channel", 0, "NAME", "the channel they follow; default:\ndefault_channel of ota.conf, else stable", false},
    {"groups", 0, "NAMES", "their groups, separated by commas", false},
    {"url", 0, "URL", "what they call; default: url of ota.conf", false},
    {"ca", 0, "FILE", "CA certificate of the server; default: keys/ca.crt", false},
    {"no-ca", 0, NULL, "trust ESP-IDF's certificate bundle alone", false},
    {"root", 0, "FILE", "their trusted root.json; default: the newest of the\nworkspace", false},
    {"flash-size", 0, "SIZE", "4MB, 8MB ...; default: what the build says", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_provision_details[] =
    "Makes what boards are flashed with in the factory, of the build folder of idf.py: for\n"
    "each board one file ID.bin with bootloader, partition table, otadata, app, storage, a\n"
    "blank ota_state, its nvs, and its ota_id with id, token, addresses, channel, groups,\n"
    "trusted root and CA. Its bytes are those of \"esptool merge-bin\" of the same parts.\n"
    "The boards are known to the workspace from then on.\n\n"
    "Files of the build must lie in its folder, and each at the beginning of its partition\n"
    "or where the table has none; what would run into something else is refused. Flash\n"
    "mode, frequency and size go from flash_settings, the size rather from --flash-size,\n"
    "into the bootloader's header, as esptool does it with idf.py's arguments; if the\n"
    "bootloader is signed they must be in it already.\n\n"
    "Refused is also what the chip would not boot: a table that ends behind the flash size\n"
    "of the bootloader's header, or a header with more than the flash has; an otadata that\n"
    "is not blank; an app in any slot, a TEE (tee_0 must have one) or a recovery bootloader\n"
    "that is damaged or whose pages do not suit its place; app partitions over 16 MiB on\n"
    "chips that map none.\n\n"
    "Columns of the CSV: id; mac (for the record); ssid, password, softap_password (into\n"
    "nvs, where the firmware reads them); channel, groups, url. Any other column must be\n"
    "named in the config CSV, which is mfg_gen.py's: NAME,namespace, opens a namespace of\n"
    "nvs, KEY,data,ENCODING or KEY,file,ENCODING puts the column KEY into it; with ,REPEAT\n"
    "behind it all boards have the first one's value. A column that it names is its own,\n"
    "whatever it is called. Encodings are those of otactl nvs build. A CSV with passwords,\n"
    "or with texts or bytes of the config, which may be some, must be closed to others\n"
    "(chmod 600); no password is ever given on the command line. Refused though mfg_gen.py\n"
    "takes it: other values where REPEAT stands, values of several lines, one key in two\n"
    "namespaces.\n\n"
    "--wifi-file and --softap-file are for all boards, and refused beside a CSV with such\n"
    "columns. A --wifi-file with one line alone names an open network.\n\n"
    "Everything is checked before the first file is made. Stopped at any moment, the same\n"
    "command goes on where it was: boards that are done keep their files and tokens. A\n"
    "board is done when DIR/boards.jsonl has its line: id, mac, files with offset, length\n"
    "and SHA-256, the commands that flash it (to be run in DIR), when it was made; nothing\n"
    "secret. It also has digests of what the board is made of (values, options, build),\n"
    "with a key in state/provision.key, so that nobody guesses passwords from them: a board\n"
    "that would be made of something else now, or whose file was changed, is an error and\n"
    "changes nothing. With --again it is made anew, and keeps its token if its file is\n"
    "whole. Refused is an id that another board of the workspace has, and a MAC that\n"
    "another board of DIR has. The files are readable by you alone: delete them when the\n"
    "boards are flashed, and they are not made anew without --again.\n\n"
    "A board that was revoked is an error while its files are there; --again makes it anew,\n"
    "with a new token (and certificate), also when nothing of it is left in DIR. So an id\n"
    "of which the files and the record were lost comes back: otactl device revoke ID, then\n"
    "--again. --again makes every board of the call anew whose files are gone: name those\n"
    "alone that are to be flashed again.\n\n"
    "Secure Boot signatures of bootloaders and apps are held to the rules of otactl push.\n"
    "With Secure Boot V2 all must share a key: a board burns those of the bootloader into\n"
    "eFuse when it first starts, and starts no app that none of them signed.\n\n"
    "A build with flash encryption has no whole image: each chip encrypts its flash itself\n"
    "when it first starts. With --parts it is flashed as ESP-IDF says, and nvs and ota_id,\n"
    "which flash encryption leaves plain, beside it. A build with NVS encryption reads no\n"
    "plain nvs: see otactl nvs build --keys.\n\n"
    "JSON: folder, record (its file there), product, version, made, kept, gone (made\n"
    "before, and no file left), boards (id, state: made, kept or gone, and unless gone\n"
    "commands, for a shell, and argv, their words).";

const struct ota_option ota_verb_fleet_fits_options[] = {
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"table", 0, "FILE", "a partition table that boards have (CSV, binary or\nflash image), if it is not known here", true},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_fleet_fits_details[] =
    "Says for how many boards the images of RELEASE, a number or a version, fit their\n"
    "partitions: the app every ota_ slot, data the partition of its label, the bootloader\n"
    "the room before the table; a new table must keep what may not move, and the images\n"
    "are judged by it then. What else decides whether a board takes a release (chip\n"
    "revision, secure version, from_min) is not looked at.\n\n"
    "Boards report the digest of their table. The rows are found in the tables of builds\n"
    "that were provisioned or pushed here, those in releases, and --table; a board that has\n"
    "not reported yet has the table it was provisioned with. Ends with 1 when a board does\n"
    "not fit; boards of which nothing is known are counted apart, revoked ones not at all.\n\n"
    "To ask before anything is published or offered: otactl push --dry-run.\n\n"
    "JSON: product, counter, version, fits, misfits, unknown (boards), tables (table, fits,\n"
    "reason, boards).";
