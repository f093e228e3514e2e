/* SPDX-License-Identifier: Apache-2.0 */
/* otactl's verb table. Help, man page and completion are made from it. */
#include "ctl/cmd.h"
#include "ctl/verbs_board.h"
#include "ctl/verbs_sign.h"

/* Text keeps its own line breaks, so that help reads well on 80 columns. */
/* clang-format off */

static const struct ota_option common[] = {
    {"workspace", 'C', "DIR", "the workspace; default: $OTA_HOME,\nelse the nearest ota.conf from here upward", false},
    {"json", 0, NULL, "print the result as one JSON object", false},
    {NULL, 0, NULL, NULL, false},
};

static const struct ota_option init_options[] = {
    {"product", 0, "NAME", "the kind of board: a-z, 0-9 and '-'; once for\neach product, all are named now", true},
    {"chip", 0, "CHIP", "its chip, as idf.py set-target names it:\nesp32, esp32s3, esp32c3, ...; in the same order", true},
    {"url", 0, "URL", "what boards will call; default:\nhttps://<address of this machine>:8443", false},
    {"backup", 0, "FILE", "put an encrypted backup of root's key there", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char init_details[] =
    "Makes everything a fleet needs, in one folder: the keys that sign releases, a\n"
    "certificate authority and a server certificate for HTTPS, an empty signed\n"
    "repository, the inbox images/ and the configuration ota.conf. Nothing leaves the\n"
    "machine.\n\n"
    "DIR is made when it does not exist; default: the current folder. A folder that\n"
    "holds a workspace is never overwritten. keys/ is the one thing to back up:\n"
    "boards accept nothing that it did not sign. Root's key above all: without it no\n"
    "lost or stolen key can ever be replaced, and every board must be flashed by hand.\n"
    "On a terminal init offers an encrypted backup of it.\n\n"
    "JSON: workspace, product, chip (of the first), products (name, chip), url, root\n"
    "(the file boards trust), ca, backup (null: none).";

static const struct ota_option push_options[] = {
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"with", 0, "LABEL", "also take this image of the build: a label,\n@bootloader, @partition-table, factory, or all", true},
    {"channel", 0, "NAME", "offer the release on this channel; default:\ndefault_channel of ota.conf", false},
    {"permille", 0, "N", "share of the channel's boards, 0 to 1000;\ndefault 1000", false},
    {"share", 0, "PERCENT", "the same in percent: 25% or 2.5%", false},
    {"compatible", 0, NULL, "my word that the app boards run now also works\nwith the other images of this release", false},
    {"accept-brick-risk", 0, NULL, "send a bootloader or table to a chip\nwithout ROM recovery", false},
    {"accept-change", 0, "WHAT", "what would be refused is meant: project,\nsecure-version, boot, keys, size or fleet", true},
    {"sdkconfig", 0, "FILE", "sdkconfig.json of the build; default:\nBUILD_DIR/config/sdkconfig.json", false},
    {"table", 0, "FILE", "partition table to check single images\nagainst; default: that of the last build pushed", false},
    {"version", 0, "TEXT", "version for people; default: the app's own", false},
    {"from-min", 0, "N", "lowest release a board must run to take this", false},
    {"no-compress", 0, NULL, "make no zlib forms of the images", false},
    {"notes", 0, "FILE", "release notes: UTF-8 text, at most 4096 bytes", false},
    {"key", 0, "KEY", "sign with this product key: a PEM file, a .uri\nfile or a pkcs11: URI; default: those in keys/", true},
    {"unsigned", 0, NULL, "leave the release as a draft that waits for the\nsignature of the product key", false},
    PASSPHRASE_OPTION,
    {"server", 0, "URL", "push to this otaserve; default: server of\nota.conf, else this workspace", false},
    {"token-file", 0, "FILE", "token for the server (otactl token create);\ndefault: $OTA_TOKEN_FILE", false},
    {"root", 0, "FILE", "root.json that the server's metadata is judged\nby; default: keys/root.json", false},
    {"ca", 0, "FILE", "CA certificate of the server; default:\nkeys/ca.crt, else the system's", false},
    {"dry-run", 'n', NULL, "make every check, publish nothing", false},
    {NULL, 0, NULL, NULL, false},
};
static const char push_details[] =
    "Checks what was built as a board would, signs it as the next release of the\n"
    "product, and publishes it. Whatever a board would refuse is refused here, before\n"
    "anything is published.\n\n"
    "BUILD_DIR is the build folder of idf.py; default: the current folder or its\n"
    "build/. Only the app is taken; what is left out is listed with the option that\n"
    "adds it. FILE[:LABEL] names images one by one: the kind comes from the bytes,\n"
    "the label from LABEL or the file name. otadata, nvs and other partitions that\n"
    "boards write themselves are never part of a release.\n\n"
    "It is also held against the releases before it. An app of another project, one with\n"
    "a lower secure_version, a bootloader for other flash settings, a bootloader or table\n"
    "for another boot configuration, and an image that no Secure Boot key of the last one\n"
    "signed are refused until --accept-change says that this is meant. A version that goes\n"
    "down and chip revisions that the last app took are noted. A SPIFFS or LittleFS image\n"
    "must have the size of its partition, which --accept-change size lifts.\n\n"
    "And it is held against the partition tables of the boards on the channel that the\n"
    "workspace here knows (a server is not asked), also with --dry-run: what none of\n"
    "them would take is refused, or noted with --accept-change fleet; what some would not\n"
    "take is noted. Boards whose table is not known do not count. Once it is published,\n"
    "otactl fleet fits lists them. Offered to nobody, it is held against no board.\n\n"
    "Secure Boot signatures must all hold. Those that boards look at (the first one on\n"
    "esp32 and esp32c2, and wherever apps are verified on update only; else three) must be\n"
    "of a scheme that the chip knows, and that the build verifies. ota.conf says whose\n"
    "they must be; without it, the configuration of the build says whether there must be\n"
    "one. With Secure Boot V2 bootloader and app of one release must share a key; where\n"
    "neither the build nor ota.conf says that boards have it, the key of the first\n"
    "signature has to stay. A V1 signature carries no key: only ota.conf can tell whether\n"
    "it holds.\n\n"
    "--with factory takes the app once more, for the factory partition, where a board\n"
    "finds something to boot when nothing else does; --with all leaves it as it is.\n\n"
    "A release without an app is installed over the one that the channel offers:\n"
    "boards that have not taken that one yet take it first.\n\n"
    "Images that zlib makes at least a tenth and 4 KiB smaller are also published so;\n"
    "each board chooses which form it fetches.\n\n"
    "Without a channel the release is published but offered to no board. A running\n"
    "otaserve publishes at once; without one, push does it itself.\n\n"
    "With --server the release goes to an otaserve elsewhere, and the workspace here\n"
    "may be no more than ota.conf, keys/root.json, keys/ca.crt and the product key.\n"
    "Only files that the server lacks are sent; a push that was cut off goes on where\n"
    "it ended when it is run again.\n\n"
    "JSON: product, counter, version, channel (null: offered to nobody), permille,\n"
    "from_min, published, dry_run, steps (kind, label, file, length, sha256,\n"
    "with a zlib form also z: length, sha256), left_out (file, label, reason, remedy),\n"
    "remarks, fleet (fits, misfits, unknown: boards; null: none was asked); with a server\n"
    "also server, sent_files, sent_bytes; with --unsigned draft.";

static const struct ota_option publish_options[] = {
    {"drop", 0, NULL, "remove the draft instead", false},
    {"static", 0, NULL, "sign for a web server without a daemon", false},
    {"expires", 0, "TIME", "with --static: how long nobody will sign again,\n8d to 1096d, such as 90d", false},
    {"output", 'o', "DIR", "with --static: copy what boards need to DIR", false},
    {NULL, 0, NULL, NULL, false},
};
static const char publish_details[] =
    "Publishes a draft: a release, or a change of root, targets or products, that waited\n"
    "in state/drafts for signatures. Refuses, naming the role and how many of how many\n"
    "there are, while some are missing. Without DRAFT it lists what waits. A draft that\n"
    "something else has overtaken can only be dropped, and made again.\n\n"
    "With --static it signs the repository once for a long time, so that state/repo,\n"
    "or the copy in DIR, can lie on any web server, object store or CDN where no\n"
    "daemon renews it. The signatures end with the time given, or with the first\n"
    "role that a person must renew. DIR is made, or an earlier copy is brought up to\n"
    "date; it is checked like a board would, and holds no key.\n\n"
    "Until they end, whoever controls that server can keep boards at what it says\n"
    "now: choose no longer time than you would leave boards without an update.\n"
    "Shares of a channel do not grow by themselves there.\n\n"
    "JSON: draft, published; without DRAFT drafts (draft, text, complete, roles: name,\n"
    "version, by, have, threshold; or draft, error); with --static folder, expires,\n"
    "bound_by (the role that ends it early, or \"\").";

static const struct ota_option renew_options[] = {
    {"key", 0, "KEY", "with one ROLE: a key that is not in keys/, as a PEM\nfile, .uri file or pkcs11: URI", true},
    {"expires", 0, "TIME", "how long it lasts; default: 10 years for root,\n3 years for others", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char renew_details[] =
    "Signs root, targets or the role of a product again: same content, next version,\n"
    "new expiry. Boards follow by themselves. Without ROLE it renews those that need\n"
    "it: root with less than two years left, the others with less than one.\n\n"
    "It signs with the keys in keys/ and those of --key. While signatures are missing\n"
    "the role waits as a draft, and the commands that finish it are printed.\n\n"
    "JSON: roles (name, version, expires, published, draft).";

static const struct ota_option restore_options[] = {
    {"merge", 0, NULL, "bring back what is newer, and sign above it", false},
    {"above", 0, "N", "release numbers go on above N, or above what boards\nreported; default without SOURCE: 1000 above all\nthat are known here", false},
    {"ca", 0, "FILE", "CA certificate of SOURCE; default: keys/ca.crt", false},
    {NULL, 0, NULL, NULL, false},
};
static const char restore_details[] =
    "Goes on after state/, or the whole workspace, was brought back from a backup:\n"
    "boards have seen newer files and refuse older ones, and otaserve-signer refuses\n"
    "to sign below what it signed last. Stop otaserve first.\n\n"
    "SOURCE is a place that still has the newer files: a folder with metadata/ and\n"
    "targets/, or the address of a mirror. What it has is verified from the root of\n"
    "this workspace, brought in, and signed above. Keys of online roles that were made\n"
    "after the backup are named; copy their files into keys/ and run it again.\n\n"
    "Without SOURCE, targets and product roles are signed with versions that no push\n"
    "has reached, as far as their keys are here. Release numbers go on above any that\n"
    "the lost time may have used, since a board takes no other release of a number it\n"
    "runs: 1000 above the highest that is known here; --above N chooses another. What\n"
    "was published after the backup is lost; push it again. Changes of the root cannot be made up for: boards\n"
    "that followed one refuse what is signed here until a SOURCE brings it back.\n\n"
    "JSON: merged (what came in), signed (roles), drafts (roles that wait for keys),\n"
    "floors (product, counter, device), timestamp.";

static const char inspect_details[] =
    "Says what an image, a bootloader or a partition table holds, whether it is sound\n"
    "and whether a board would take it: what esptool image-info, espsecure\n"
    "signature-info-v2 and gen_esp32part.py say. NVS and otadata are shown as well.\n"
    "Needs no workspace. Ends with 1 when a file is broken, having shown what there is.\n\n"
    "JSON: file, size, sha256, kind, broken, servable, code, reason, and by kind image,\n"
    "app, bootloader, signature, table, otadata, nvs. With several FILEs: files, a list\n"
    "of these.";

static const char releases_details[] =
    "Lists the releases that the product roles sign, and where channels offer them.\n\n"
    "JSON: releases (product, counter, version, chip, from_min, channels, offered,\n"
    "steps: kind, label, file, length, sha256, with a zlib form also z: length, sha256).";

static const struct ota_option bundle_options[] = {
    {"output", 'o', "FILE", "the bundle; by custom it ends in .otab", false},
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"force", 0, NULL, "replace FILE if there is one", false},
    {"server", 0, "URL", "take it from this server; default: server of\nota.conf, else this workspace", false},
    {"root", 0, "FILE", "the trusted root.json; default: keys/root.json", false},
    {"ca", 0, "FILE", "CA certificate of the server; default:\nkeys/ca.crt, else the system's", false},
    {NULL, 0, NULL, NULL, false},
};
static const char bundle_details[] =
    "Puts one release into one file that a board takes without a network: from an SD\n"
    "card, a USB stick, its own page or whatever transport the application has. RELEASE\n"
    "is its number or its version. The file holds the signed metadata from the first\n"
    "root on and the images: boards check every signature and digest of it, as they do\n"
    "over the network. It is verified like that here, too, before it gets its name.\n\n"
    "A board takes it when the release's number is above its own, whatever share of a\n"
    "channel is open, until root, targets or the role of the product expires.\n"
    "The form is described in ota-bundle(5); any tar can list it.\n\n"
    "JSON: file, product, counter, version, bytes, steps (kind, label, file, length,\n"
    "sha256), expires, bound_by (the role that ends it).";

static const char status_details[] =
    "Shows the roles of the signed repository with their version, expiry and where\n"
    "their keys lie, the channels, and what a stolen server could do now. Warns 60,\n"
    "30 and 7 days before something expires, with the command that renews it.\n\n"
    "KEY is the file that signs, elsewhere when it is not here, and for a role of\n"
    "several keys how many must sign and how many are here. It is not known to a user\n"
    "who may not look into keys/.\n\n"
    "JSON: workspace, url, daemon (is one running; null: not known), roles (name,\n"
    "version, expires, days_left, holder, threshold, keys, keys_here, renewed: otaserve\n"
    "does it), certificate_expires, channels (product, name, counter, permille,\n"
    "groups), stolen_server (list; null: not known), warnings.";

static const struct ota_option device_add_options[] = {
    {"product", 0, "NAME", "which product, when ota.conf has several", false},
    {"channel", 0, "NAME", "the channel it follows; default:\ndefault_channel of ota.conf, else stable", false},
    {"crt", 0, "FILE", "its client certificate, PEM, which counts as its token\ndoes", false},
    {"any-cert", 0, NULL, "every certificate of keys/ca.crt whose common name is\nID counts", false},
    {NULL, 0, NULL, NULL, false},
};
static const char device_add_details[] =
    "Makes a board known to the workspace and prints the token it sends its reports\n"
    "with. The token is shown once; only its digest is kept. The id of a board that was\n"
    "revoked can be used again.\n\n"
    "Without --crt and --any-cert no client certificate counts for the board. With --crt\n"
    "the one of FILE does: of it the key is kept, so that a certificate that is renewed\n"
    "with the same key counts as well. --any-cert is for a CA that issues certificates to\n"
    "boards that are known already, and not for the id of a board that was revoked.\n\n"
    "JSON: id, product, channel, token, certificates (which count: none, one, any).";

static const char device_list_details[] =
    "Lists the boards that were added, and those in quarantine: boards that reported\n"
    "without having been added.\n\n"
    "JSON: devices (id, product, channel, quarantine, revoked, added, seen).";

static const char device_revoke_details[] =
    "Refuses a board's reports from now on, whether it sends its token or shows a client\n"
    "certificate: for one that was stolen, sold or scrapped. What it downloads is signed\n"
    "and public; revoking takes no update away. device add or provision --again make the\n"
    "board known again, with a new token; the certificates it had stay refused.\n\n"
    "JSON: id, revoked.";

static const char fleet_list_details[] =
    "Shows what every board runs, when it was last seen and how its last update went.\n\n"
    "JSON: devices (id, product, channel, counter, version, state, result, code,\n"
    "message, mixed, revoked, seen, ...).";

static const struct ota_option token_create_options[] = {
    {"role", 0, "ROLE", "read, push, operate or admin; each may do what\nthose before it may", false},
    {"product", 0, "NAME", "for this product only", false},
    {"expires", 0, "TIME", "how long it is valid: 90d, 12h, 2y; default 90d", false},
    {NULL, 0, NULL, NULL, false},
};
static const char token_create_details[] =
    "Makes a token for the API of otaserve: for a CI job that pushes, a dashboard or a\n"
    "script. It is shown once; only its digest is kept. A token opens the server,\n"
    "nothing else: boards accept what the product key signed, so that a stolen token\n"
    "alone publishes nothing. A name can be used again after its token was revoked or\n"
    "has expired.\n\n"
    "JSON: name, role, product (null: every one), created, expires, token.";

static const char token_list_details[] =
    "Lists the tokens of the API with their role, expiry and last use. Tokens of boards\n"
    "are not among them: otactl device list.\n\n"
    "JSON: tokens (name, role, product, created, expires, used (null: never), state:\n"
    "valid, revoked or expired).";

static const char token_revoke_details[] =
    "Ends a token at once; a running otaserve refuses the next request made with it.\n\n"
    "JSON: name, revoked.";

static const struct ota_option product_filter[] = {
    {"product", 0, "NAME", "only this product", false},
    {NULL, 0, NULL, NULL, false},
};

static const char keys_list_details[] =
    "Shows which keys may sign for each role, how many must, and where each one is: in\n"
    "keys/, in a token named by a .uri file there, or elsewhere. Then the files in keys/\n"
    "that no role names, or that cannot be opened.\n\n"
    "JSON: roles (name, threshold, keys: keyid, where, file), unused (file, keyid,\n"
    "reason).";

static const struct ota_option keys_backup_options[] = {
    {"output", 'o', "FILE", "the backup, outside of the workspace", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char keys_backup_details[] =
    "Puts the private keys of these roles (default: root) into one file, each encrypted\n"
    "with the passphrase, and reads it back before it says so. FILE is text: PKCS#8 PEM\n"
    "that \"openssl pkey\" opens as well. It is never overwritten.\n"
    "TLS keys sign nothing and are no part of it: copy keys/tls-*.pem yourself, or make\n"
    "new ones should they be lost; boards then need the new CA, keys/ca.crt.\n\n"
    "JSON: file, roles, keys (how many).";

static const struct ota_option passphrase_options[] = {
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char keys_restore_details[] =
    "Brings keys of a backup, or of keys move-offline, back into keys/: all, or those of\n"
    "these roles. A key is taken only when root or targets names it, and never put in\n"
    "the place of another one.\n\n"
    "JSON: restored (files), there (files that hold such a key already).";

static const struct ota_option keys_move_options[] = {
    {"to", 0, "FILE", "where the encrypted key goes, outside of the\nworkspace: a USB stick, say", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char keys_move_details[] =
    "Takes the key of root, targets or a product off this machine, so that whoever steals\n"
    "the server cannot sign with it: writes it encrypted to FILE, reads that back, tries it\n"
    "with a test signature, and only then overwrites and removes keys/ROLE.pem. Further\n"
    "keys of a role are named ROLE.SUFFIX, as in keys/. Boards notice nothing. Products\n"
    "first, then targets, then root. Then says what the holder of the key does from now on.\n\n"
    "A disk may keep old copies. A key that was never here: otactl product rotate-key, or\n"
    "otactl root rotate.\n\n"
    "JSON: role, keyid, file, next (the role to move next, or null).";

static const struct ota_option sign_export_options[] = {
    {"output", 'o', "FILE", "the file to carry", false},
    {NULL, 0, NULL, NULL, false},
};
static const char sign_export_details[] =
    "Puts a draft's roles, and the published ones they are compared with, into one small\n"
    "text file: digests, no images. On a machine that holds the key, otactl sign FILE\n"
    "signs it; otactl sign import brings the signatures back. A file that exists is\n"
    "never overwritten.\n\n"
    "JSON: draft, file.";
static const char sign_import_details[] =
    "Takes the signatures of an exported draft back into the workspace: those that are\n"
    "valid, made by keys that this workspace's own root and targets name, on exactly what\n"
    "the draft says.\n\n"
    "JSON: as otactl sign.";

static const struct ota_option new_key_options[] = {
    {"key", 0, "KEY", "the new key: a public key's file, or a key's PEM\nfile, .uri file or pkcs11: URI; default: one is made\nin keys/", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const struct ota_option sign_key_options[] = {
    {"key", 0, "KEY", "sign with this key, too: PEM file, .uri file or\npkcs11: URI", true},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char root_show_details[] =
    "Lists the roles, how many signatures each wants, the ids of its keys and where\n"
    "each key is: in keys/, or elsewhere. Then the change that waits, and how many\n"
    "signatures it has.\n\n"
    "JSON: version, roles (name, threshold, keys: keyid, where), drafts (as otactl\n"
    "publish lists them).";
static const char root_key_details[] =
    "Changes the draft \"root\", or makes it: the next root. ROLE is root, targets,\n"
    "snapshot, timestamp, rollout or a product; the last two are named by targets, so\n"
    "that the draft is \"targets\". KEY is the file of a public key (otactl keys new\n"
    "writes one), or a key's PEM file, .uri file or pkcs11: URI. KEYID is the first\n"
    "digits of an id that root show lists.\n\n"
    "Every change takes away the signatures that the draft had. Nothing holds before\n"
    "root publish. A new root needs as many signatures as the old root wants, by its\n"
    "keys, and as many as it wants itself.\n\n"
    "JSON: draft, text, complete, roles (name, version, by, have, threshold).";
static const char root_rotate_details[] =
    "Puts a new key in the place of the role's only key, in the draft \"root\" (of\n"
    "rollout: \"targets\"). With another key for targets the draft holds a new targets\n"
    "signed by it. Boards that slept through any number of such changes follow them one\n"
    "by one. Then: root sign, root publish.\n\n"
    "JSON: as root add-key.";
static const char root_sign_details[] =
    "Signs the draft \"root\" (else \"targets\") with every key of keys/, root's too, that\n"
    "may sign something in it, and with those of --key, and says what it still needs.\n"
    "Asks for passphrases of files in keys/ named after its roles. otactl sign\n"
    "does the same for one draft after showing it, also on another machine.\n\n"
    "JSON: as root add-key.";
static const char root_publish_details[] =
    "Publishes the signed draft \"root\" (else \"targets\") and waits until boards can\n"
    "have it. otaserve-signer signs its own roles anew with the new keys. Key files that\n"
    "no role names any more go to keys/retired.\n\n"
    "JSON: draft, published.";
static const struct ota_option product_add_options[] = {
    {"chip", 0, "CHIP", "its chip, as idf.py set-target names it", false},
    {"channels", 0, "NAMES", "channels it may be offered on; default:\n\"beta stable\"", false},
    {"key", 0, "KEY", "its key: a public key's file, or a key's PEM file,\n.uri file or pkcs11: URI; default: keys/NAME.pem", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
static const char product_add_details[] =
    "Makes a key for it, and lets targets delegate to it. With the key of targets in\n"
    "keys/ it is published at once; else the draft \"targets\" waits to be signed where\n"
    "that key is. Its section of ota.conf comes with its publication; otaserve reads that\n"
    "file when it starts.\n\n"
    "JSON: product, draft, published.";
static const char product_rotate_details[] =
    "Lets targets delegate to a new key, and the product's role be signed by it, with\n"
    "the content it has. Needs the key of targets and the new one; what is not here\n"
    "waits as the draft \"targets\".\n\n"
    "JSON: product, draft, published.";
static const struct ota_option product_retire_options[] = {
    {"lost-key", 0, NULL, "the product's key is lost: let targets name one that\nsigns this and nothing after it", false},
    {"key", 0, "KEY", "sign with this key, too: PEM file, .uri file or\npkcs11: URI", true},
    PASSPHRASE_OPTION,
    {"yes", 'y', NULL, "retire without asking; a must without a terminal", false},
    {NULL, 0, NULL, NULL, false},
};
static const char product_retire_details[] =
    "Publishes a role of the product that lists nothing: its channels are withdrawn, and\n"
    "its boards keep what they run. Its section of ota.conf goes when this is published,\n"
    "not while it waits as a draft for signatures. The delegation stays, for boards\n"
    "refuse a repository that lost a role, and the name cannot be used again: it\n"
    "asks first. Needs the product's key, or, with --lost-key, that of targets.\n\n"
    "JSON: product, draft, published.";

static const struct ota_verb verbs[] = {
    {"init", "[DIR]", 0, 1, "make a workspace: keys, certificates, configuration", init_details, init_options, ota_cmd_init},
    {"push", "[BUILD_DIR | FILE[:LABEL]...]", 0, 64, "check, sign and publish a release", push_details, push_options, ota_cmd_push},
    {"publish", "[DRAFT]", 0, 1, "publish what waited for signatures, or list it", publish_details, publish_options, ota_cmd_publish},
    {"renew", "[ROLE...]", 0, 14, "renew the roles that a person must renew", renew_details, renew_options, ota_cmd_renew},
    {"restore", "[SOURCE]", 0, 1, "go on after a backup was brought back", restore_details, restore_options, ota_cmd_restore},
    {"root show", "", 0, 0, "show whose signatures each role wants", root_show_details, NULL, ota_cmd_root_show},
    {"root add-key", "ROLE KEY", 2, 2, "let one more key sign for a role", root_key_details, passphrase_options, ota_cmd_root_add_key},
    {"root remove-key", "ROLE KEYID", 2, 2, "take a key from a role", root_key_details, NULL, ota_cmd_root_remove_key},
    {"root threshold", "ROLE N", 2, 2, "say how many signatures a role wants", root_key_details, NULL, ota_cmd_root_threshold},
    {"root rotate", "ROLE", 1, 1, "give a role another key", root_rotate_details, new_key_options, ota_cmd_root_rotate},
    {"root sign", "", 0, 0, "sign the change of root with the keys at hand", root_sign_details, sign_key_options, ota_cmd_root_sign},
    {"root publish", "", 0, 0, "publish the signed change of root", root_publish_details, NULL, ota_cmd_root_publish},
    {"product add", "NAME", 1, 1, "add a product", product_add_details, product_add_options, ota_cmd_product_add},
    {"product rotate-key", "NAME", 1, 1, "give a product another key", product_rotate_details, new_key_options, ota_cmd_product_rotate_key},
    {"product retire", "NAME", 1, 1, "offer nothing more to a product's boards", product_retire_details, product_retire_options, ota_cmd_product_retire},
    {"inspect", "FILE...", 1, 64, "say what an image or partition table holds", inspect_details, NULL, ota_cmd_inspect},
    {"releases", "", 0, 0, "list releases", releases_details, product_filter, ota_cmd_releases},
    {"bundle", "[PRODUCT] RELEASE", 1, 2, "put a release into one file for boards without a network", bundle_details, bundle_options, ota_cmd_bundle},
    {"status", "", 0, 0, "show roles, expiry, channels and warnings", status_details, NULL, ota_cmd_status},
    {"verify", "DIR|URL|IMAGE", 1, 1, "check a repository as a board would, or an image", ota_verb_verify_details, ota_verb_verify_options, ota_cmd_verify},
    {"device add", "ID", 1, 1, "make a board known and print its token", device_add_details, device_add_options, ota_cmd_device_add},
    {"device list", "", 0, 0, "list the boards that were added", device_list_details, product_filter, ota_cmd_device_list},
    {"device revoke", "ID", 1, 1, "refuse a board's token and certificates", device_revoke_details, NULL, ota_cmd_device_revoke},
    {"token create", "NAME", 1, 1, "make a token for CI, a script or a dashboard", token_create_details, token_create_options, ota_cmd_token_create},
    {"token list", "", 0, 0, "list the tokens of the API", token_list_details, NULL, ota_cmd_token_list},
    {"token revoke", "NAME", 1, 1, "end a token", token_revoke_details, NULL, ota_cmd_token_revoke},
    {"keys list", "", 0, 0, "show which key signs for which role, and where it is", keys_list_details, NULL, ota_cmd_keys_list},
    {"keys new", "", 0, 0, "make a signing key in a file", ota_verb_keys_new_details, ota_verb_keys_new_options, ota_cmd_keys_new},
    {"keys digest", "KEY", 1, 1, "print what eFuses hold of a Secure Boot key", ota_verb_keys_digest_details, ota_verb_keys_digest_options, ota_cmd_keys_digest},
    {"keys backup", "[ROLE...]", 0, 16, "put private keys into an encrypted file", keys_backup_details, keys_backup_options, ota_cmd_keys_backup},
    {"keys restore", "FILE [ROLE...]", 1, 17, "bring keys of a backup back", keys_restore_details, passphrase_options, ota_cmd_keys_restore},
    {"keys move-offline", "ROLE", 1, 1, "take an offline role's key off this machine", keys_move_details, keys_move_options, ota_cmd_keys_move_offline},
    {"sign export", "DRAFT", 1, 1, "put a draft into a file for another machine", sign_export_details, sign_export_options, ota_cmd_sign_export},
    {"sign import", "FILE", 1, 1, "take signatures of that file back", sign_import_details, NULL, ota_cmd_sign_import},
    {"sign", "FILE|DRAFT|IMAGE", 1, 1, "add signatures to what waits for them, or to an image", ota_verb_sign_details, ota_verb_sign_options, ota_cmd_sign},
    {"firmware configure", "[DIR]", 0, 1, "write root, CA and addresses into a firmware project", ota_verb_firmware_configure_details, ota_verb_firmware_configure_options, ota_cmd_firmware_configure},
    {"table show", "FILE", 1, 1, "show a partition table", ota_verb_table_show_details, ota_verb_table_show_options, ota_cmd_table_show},
    {"table build", "CSV", 1, 2, "make a partition table of its CSV", ota_verb_table_build_details, ota_verb_table_build_options, ota_cmd_table_build},
    {"table check", "FILE", 1, 1, "check a partition table for boards that are updated", ota_verb_table_check_details, ota_verb_table_check_options, ota_cmd_table_check},
    {"table diff", "OLD NEW", 2, 2, "show what differs between two partition tables", ota_verb_table_diff_details, ota_verb_table_diff_options, ota_cmd_table_diff},
    {"table plan", "OLD NEW", 2, 2, "say what a new partition table does to boards", ota_verb_table_plan_details, ota_verb_table_diff_options, ota_cmd_table_plan},
    {"nvs build", "CSV...", 1, 16, "make an NVS partition of CSV files", ota_verb_nvs_build_details, ota_verb_nvs_build_options, ota_cmd_nvs_build},
    {"nvs show", "FILE", 1, 1, "list what an NVS partition holds", ota_verb_nvs_show_details, ota_verb_nvs_show_options, ota_cmd_nvs_show},
    {"nvs new-keys", "", 0, 0, "make keys for an encrypted NVS partition", ota_verb_nvs_new_keys_details, ota_verb_nvs_new_keys_options, ota_cmd_nvs_new_keys},
    {"nvs identity", "", 0, 0, "make a board known, and the partition that tells it who it is", ota_verb_nvs_identity_details, ota_verb_nvs_identity_options, ota_cmd_nvs_identity},
    {"provision", "BUILD_DIR", 1, 1, "make what boards are flashed with, each with its identity", ota_verb_provision_details, ota_verb_provision_options, ota_cmd_provision},
    {"fleet list", "", 0, 0, "show what every board runs and reported", fleet_list_details, product_filter, ota_cmd_fleet_list},
    {"fleet fits", "RELEASE", 1, 1, "say which boards a release fits by their partition tables", ota_verb_fleet_fits_details, ota_verb_fleet_fits_options, ota_cmd_fleet_fits},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

const struct ota_program ota_ctl_program = {
    .name = "otactl",
    .summary = "make keys, push releases and watch a fleet of ESP32 boards",
    .options = common,
    .verbs = verbs,
    .man_section = "1",
    .epilogue = "Exit codes: 0 done, 1 failed, 2 wrong command line or no workspace. Errors are one line of text on "
                "stderr, also "
                "with --json. stdout stays empty then, unless what was found is the failure: inspect, fleet fits, "
                "nvs show, table show, table check and table plan print it all the same.",
};
