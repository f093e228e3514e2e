/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice: the verb table and main. */
#include "sim/cmd.h"

static const struct ota_option common[] = {
    {"json", 0, NULL, "print JSON", false},
    {NULL, 0, NULL, NULL, false},
};

static const struct ota_option sample_options[] = {
    {"chip", 0, "CHIP", "esp32, esp32s3, esp32c3 ...", false},
    {"version", 0, "VERSION", "of the app", false},
    {"project", 0, "NAME", "name of the project; default: thermo", false},
    {"add-label", 0, "LABEL", "one more data partition, with an image", false},
    {"size", 0, "BYTES", "of the app", false},
    {"faulty", 0, NULL, "an app whose self-test fails", false},
    {"no-network", 0, NULL, "an app that reaches no server", false},
    {NULL, 0, NULL, NULL, false},
};
static const char sample_details[] =
    "Writes DIR like the build folder of an idf.py project: app, bootloader,\n"
    "partition table, otadata, storage, flasher_args.json, project_description.json\n"
    "and config/sdkconfig.json. The images are well-formed and do nothing useful on a\n"
    "chip. The same arguments give the same bytes.\n\n"
    "JSON: folder, project, version, chip, faulty, no_network.";

static const struct ota_option create_options[] = {
    {"from", 0, "BUILD_DIR", "build folder whose images are flashed", false},
    {"output", 'o', "FLASH", "the file to make", false},
    {"image", 0, "FILE",
     "flash this instead, a board's whole flash image of\notactl provision, with the identity in it", false},
    {"workspace", 'C', "DIR", "the workspace; default: $OTA_HOME, else upward\nfrom the current folder", false},
    {"id", 0, "ID", "of the board; default: virtual-0001 and so on", false},
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"channel", 0, "NAME", "the channel it follows; default:\ndefault_channel of ota.conf, else stable", false},
    {"groups", 0, "NAMES", "its groups, separated by commas", false},
    {"url", 0, "URL", "what it calls; default: url of ota.conf", false},
    {"ca", 0, "FILE", "CA certificate of the server; default:\nkeys/ca.crt of the workspace, else the system's", false},
    {"root", 0, "FILE", "its trusted root.json; default: the newest\nof the workspace", false},
    {"flash-size", 0, "SIZE", "4MB, 8MB ...; default: what the build says", false},
    {"no-storage", 0, NULL, "leave data partitions empty", false},
    {NULL, 0, NULL, NULL, false},
};
static const char create_details[] =
    "Makes a virtual board as a factory would: the images of BUILD_DIR at their\n"
    "offsets, its identity and trusted root in partition ota_id, eFuses as the build's\n"
    "sdkconfig wants them. The board is made known to the workspace like otactl device\n"
    "add does, and keeps its token. With --root, --url and --product no workspace is\n"
    "needed; the board then has no token and sends no reports. With --image neither is:\n"
    "BUILD_DIR says only what the chip is and how its bootloader was built.\n\n"
    "What the chip would not boot is refused as by otactl provision, signatures included.\n"
    "Of a build with Secure Boot V2 the keys of the bootloader are in eFuse from then on, as\n"
    "after a chip's first boot: updates must be signed by one of them.\n\n"
    "FLASH holds the whole chip, followed by 4096 bytes for the eFuses. It is not\n"
    "overwritten.\n\n"
    "JSON: flash, id, product, channel, chip, version, flash_size, registered.";

static const struct ota_option run_options[] = {
    {"flash", 0, "FLASH", "the board", false},
    {"once", 0, NULL, "poll at once, make every reboot this causes, end\nwhen the board would sleep", false},
    {"interval", 0, "SECONDS", "between two polls; default: 3600", false},
    {"confirm-timeout", 0, "SECONDS", "how long a new app looks for a server before it\nis rolled back; default: 600",
     false},
    {"clock", 0, "TIME", "what the board's clock shows at the start, like\n2031-01-01T00:00:00Z", false},
    {"window", 0, "HH:MM-HH:MM", "time of the day, UTC, in which a staged update\nmay be installed; default: always",
     false},
    {"power-cut", 0, "N", "cut the power during the N-th write or erase of\nthe flash, then switch on again", false},
    {NULL, 0, NULL, NULL, false},
};
static const char run_details[] =
    "Switches the board on: ROM, bootloader, app, and the update agent in it. The log\n"
    "goes to stderr. Stopping it at any moment is a power cut, which is safe.\n\n"
    "With --once the last lines say how many requests were made and what runs. The exit\n"
    "code is 0 when the board is up to date or was updated and its report not refused, and\n"
    "1 when an update failed, was refused or was rolled back; the last line then says\n"
    "why. A release that is staged and waits for its window is no failure.\n\n"
    "JSON: result (up-to-date, updated, waits, failed), from, running (counter,\n"
    "version), label, mixed, reboots, requests, answers (status, count), image_bytes,\n"
    "flash_operations, flash_bytes, flash_wear, waiting, waits_s, error (code, message).";

static const struct ota_option bundle_options[] = {
    {"flash", 0, "FLASH", "the board", false},
    {"clock", 0, "TIME", "what the board's clock shows at the start, like\n2031-01-01T00:00:00Z", false},
    {"power-cut", 0, "N", "cut the power during the N-th write or erase of\nthe flash, then switch on again", false},
    {NULL, 0, NULL, NULL, false},
};
static const char bundle_details[] =
    "Inserts an SD card that holds FILE, made by otactl bundle, and switches the board\n"
    "on. It has no network: every signature and hash is verified from what the bundle\n"
    "brings, and the new app is confirmed by reading the file again. All reboots are\n"
    "made; a release with another partition table is read a second time after its\n"
    "reboot. What came of it is reported by the next otadevice run.\n\n"
    "The last lines, the exit code and the JSON are those of run --once.";

static const struct ota_option page_options[] = {
    {"flash", 0, "FLASH", "the board", false},
    {"listen", 0, "ADDR:PORT", "where its page is; default: 127.0.0.1:8080.\nPort 0: a free one", false},
    {"clock", 0, "TIME", "what the board's clock shows at the start, like\n2031-01-01T00:00:00Z", false},
    {NULL, 0, NULL, NULL, false},
};
static const char page_details[] =
    "Switches the board on with the page that a board without a network serves in its\n"
    "own Wi-Fi: a browser brings a bundle made by otactl bundle, and nothing else. Goes\n"
    "on through the board's reboots until it is stopped, which is a power cut.\n\n"
    "Without a browser: the page holds the token of this boot, which goes along with the\n"
    "bundle as X-OTA-Token, POSTed to /bundle as application/octet-stream. GET /status\n"
    "says how the board is. There is no TLS: on an address that others reach, they may\n"
    "upload, and what they upload is verified all the same.\n\n"
    "JSON: flash, url.";

static const char show_details[] = "Shows chip, identity, the app that would boot, partitions with the SHA-256 of\n"
                                   "their contents (as long as their image, where that is known), otadata, the update\n"
                                   "under way and what is installed. The board must be switched off; nothing is\n"
                                   "changed. The token is never shown.\n\n"
                                   "JSON: chip, revision, flash_size, mac, secure_version, boot, identity, running,\n"
                                   "mixed, partitions, otadata, journal, last, installed, faults.";

static const struct ota_option read_options[] = {
    {"output", 'o', "FILE", "where to write it", false},
    {"length", 0, "N", "only the first N bytes", false},
    {NULL, 0, NULL, NULL, false},
};
static const char read_details[] = "Copies a partition into a file. LABEL is a label of the board's partition table,\n"
                                   "@bootloader, @partition-table, or @running (also @ota): the slot of the app that\n"
                                   "would boot.\n\n"
                                   "JSON: file, label, offset, length, sha256.";

/* clang-format off */
static const struct ota_verb verbs[] = {
    {"sample", "DIR", 1, 1, "write a build folder with sample images", sample_details, sample_options, ota_cmd_sample},
    {"create", "", 0, 0, "make a virtual board", create_details, create_options, ota_cmd_create},
    {"run", "", 0, 0, "switch a board on", run_details, run_options, ota_cmd_run},
    {"bundle", "FILE", 1, 1, "install a bundle from an SD card", bundle_details, bundle_options, ota_cmd_bundle},
    {"page", "", 0, 0, "serve a board's upload page", page_details, page_options, ota_cmd_page},
    {"show", "FLASH", 1, 1, "say what is in a board's flash", show_details, NULL, ota_cmd_show},
    {"read", "FLASH LABEL", 2, 2, "copy a partition into a file", read_details, read_options, ota_cmd_read},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

static const struct ota_program program = {
    .name = "otadevice",
    .summary = "a virtual ESP32 board with the update agent",
    .options = common,
    .verbs = verbs,
    .man_section = "1",
    .epilogue = "Exit codes: 0 done, 1 failed, 2 wrong command line or no workspace.",
};

int main(int argc, char **argv) {
    return ota_args_main(&program, argc, argv);
}
