#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl sign: what is shown, who may, and the way to a machine with the key and back.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws pass=$tmp/passphrase away=$tmp/away
mkdir "$away"
(umask 077 && echo 'four words of mine' >"$pass")
otactl init "$ws" --product thermo --chip esp32c3 --product valve --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample "$tmp/build" --chip esp32c3 --version 1.0.0 >/dev/null
otactl -C "$ws" push "$tmp/build" --product thermo >/dev/null || skip_all "push does not work"
digest=$(sha256sum <"$tmp/build/thermo.bin" | cut -d' ' -f1)
draft() { # id file jq-expression source: a draft of one changed, unsigned role
    mkdir -p "$ws/state/drafts/$1/metadata"
    printf 'change a test\nby somebody\n' >"$ws/state/drafts/$1/request"
    jq -cjS ".signatures = [] | .signed.version += 1 | $3" "$ws/state/repo/metadata/$4" >"$ws/state/drafts/$1/metadata/$2"
}
signatures() { jq '.signatures | length' "$1"; }
on_other_machine() { env -u OTA_HOME -C "$away" "$@"; } # no workspace above it

# ---- a release that waits ----
draft thermo-2 3.thermo.json . 2.thermo.json
role=$ws/state/drafts/thermo-2/metadata/3.thermo.json
fails sign_without_terminal_wants_yes 2 "add --yes" otactl -C "$ws" sign thermo-2
contains sign_shows_role_and_version "$out" "thermo, version 3, expires "
contains sign_shows_what_is_listed_already "$out" "release 1, version 1.0.0, as before"
is sign_refused_signed_nothing "$(signatures "$role")" 0
cp "$role" "$away/3.thermo.json"
run on_other_machine otactl sign 3.thermo.json --key "$ws/keys/thermo.pem"
contains sign_shows_a_release_it_has_not_seen "$out" "+ release 1, version 1.0.0, for esp32c3; channels beta, stable"
contains sign_shows_the_digest_of_each_image "$out" "SHA-256 $digest"
ok sign_with_the_keys_that_lie_here otactl -C "$ws" sign thermo-2 --yes
contains sign_says_how_far_it_is "$out" "thermo version 3: 1 of 1 signatures by the keys of thermo of targets 1"
is sign_added_one_signature "$(signatures "$role")" 1
ok sign_again_changes_nothing otactl -C "$ws" sign thermo-2 --yes
is sign_again_is_still_one "$(signatures "$role")" 1
is sign_json "$(otactl -C "$ws" sign thermo-2 --yes --json 2>/dev/null | jq -c '[.draft, .complete, .roles[0].needed, .roles[0].by]')" '["thermo-2",true,1,"thermo of targets 1"]'
fails sign_refuses_a_key_of_another_role 1 "no role here names" otactl -C "$ws" sign thermo-2 --key "$ws/keys/valve.pem" --yes
fails sign_of_nothing 1 "neither a file nor a draft" otactl -C "$ws" sign thermo-9 --yes
fails sign_of_no_role 1 "$tmp/build/thermo.bin" otactl -C "$ws" sign "$tmp/build/thermo.bin" --yes

# ---- to the machine with the key, and back ----
draft valve-1 2.valve.json . 1.valve.json
role=$ws/state/drafts/valve-1/metadata/2.valve.json
otactl -C "$ws" keys move-offline valve --to "$away/valve.pem" --passphrase-file "$pass" >/dev/null
fails sign_key_is_elsewhere 1 "keys/ holds no key" otactl -C "$ws" sign valve-1 --yes
ok sign_export otactl -C "$ws" sign export valve-1 -o "$away/valve-1.txt"
contains sign_export_says_what_to_do_there "$out" "otactl sign $away/valve-1.txt --key KEY"
cp "$away/valve-1.txt" "$tmp/unsigned.txt"
fails sign_there_without_key 2 "add --key FILE" on_other_machine otactl sign valve-1.txt --yes
ok sign_there_needs_no_workspace on_other_machine otactl sign valve-1.txt --key valve.pem --passphrase-file "$pass" --yes
contains sign_there_says_it_is_enough "$out" "valve version 2: 1 of 1 signatures"
fails sign_import_of_nothing_new 1 "no signature in it is new" otactl -C "$ws" sign import "$tmp/unsigned.txt"
sed 's/"version":2}/"version":3}/' "$away/valve-1.txt" >"$tmp/changed.txt"
fails sign_import_of_something_else 1 "differs from what is here" otactl -C "$ws" sign import "$tmp/changed.txt"
cp "$tmp/unsigned.txt" "$tmp/forged.txt"
sed -E "s/(\"sig\":\"30..)..(....)/\1ff\2/" "$away/valve-1.txt" >"$tmp/broken.txt"
fails sign_import_of_a_broken_signature 1 "no signature in it is new and valid" otactl -C "$ws" sign import "$tmp/broken.txt"
otactl keys new -o "$tmp/thief.pem" --json >"$tmp/thief.json"
sed "s|published 1.targets.json.*|published $(printf '1.targets.json ' && jq -cjS --slurpfile t "$tmp/thief.json" \
    '.signed.delegations.keys[$t[0].keyid] = {keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: {public: $t[0].public}} | .signed.delegations.roles[].keyids = [$t[0].keyid]' \
    "$ws/state/repo/metadata/1.targets.json" | sed 's/[\\&|]/\\&/g')|" "$tmp/unsigned.txt" >"$tmp/forged.txt"
ok sign_there_believes_a_forged_export on_other_machine otactl sign "$tmp/forged.txt" --key "$tmp/thief.pem" --yes
fails sign_import_believes_this_workspace_only 1 "no signature in it is new and valid" otactl -C "$ws" sign import "$tmp/forged.txt"
is sign_import_refused_changed_nothing "$(signatures "$role")" 0
ok sign_import otactl -C "$ws" sign import "$away/valve-1.txt"
is sign_import_took_the_signature "$(signatures "$role")" 1
mv "$ws/state/drafts/valve-1" "$tmp/valve-1"
fails sign_import_for_a_draft_that_is_gone 1 "does not wait here any more" otactl -C "$ws" sign import "$away/valve-1.txt"
mv "$tmp/valve-1" "$ws/state/drafts/valve-1"
fails sign_import_of_a_role_file 1 "no exported draft" otactl -C "$ws" sign import "$role"
(cd "$tmp" && echo 'dear diary' >diary.txt)
fails sign_import_of_any_file 1 "otactl: diary.txt: no exported draft (otactl sign export makes one)" env -C "$tmp" otactl -C "$ws" sign import diary.txt
is sign_of_any_file_names_it_once "$(env -C "$tmp" otactl sign diary.txt --yes 2>&1 | grep -o diary.txt | wc -l)" 1
exported=$(sha256sum <"$away/valve-1.txt")
fails sign_export_overwrites_nothing 1 "name another file, or remove it" otactl -C "$ws" sign export valve-1 -o "$away/valve-1.txt"
is sign_export_left_what_was_there "$(sha256sum <"$away/valve-1.txt")" "$exported"
fails sign_export_of_no_draft 1 "no such draft" otactl -C "$ws" sign export ../repo -o "$tmp/x"
fails sign_export_wants_a_file 2 "sign export" otactl -C "$ws" sign export valve-1

# ---- a root by old keys and new ----
otactl keys new -o "$tmp/second.pem" --json >"$tmp/second.json"
mkdir -p "$ws/state/drafts/root/metadata"
printf 'change a test\nby somebody\n' >"$ws/state/drafts/root/request"
jq -cjS --slurpfile n "$tmp/second.json" '.signatures = [] | .signed.version = 2
    | .signed.keys[$n[0].keyid] = {keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: {public: $n[0].public}}
    | .signed.roles.root.keyids = ([.signed.roles.root.keyids[], $n[0].keyid] | sort) | .signed.roles.root.threshold = 2' \
    "$ws/state/repo/metadata/1.root.json" >"$ws/state/drafts/root/metadata/2.root.json"
ok sign_root_with_the_old_key otactl -C "$ws" sign root --yes
contains sign_root_shows_the_new_threshold "$out" "root: 2 of 2 keys sign (1 before)"
contains sign_root_shows_the_key_that_comes "$out" "+ $(jq -r .keyid "$tmp/second.json")"
contains sign_root_old_keys_are_enough "$out" "root version 2: 1 of 1 signatures by the keys of root 1"
contains sign_root_new_keys_are_not "$out" "root version 2: 1 of 2 signatures by the keys of root 2"
ok sign_root_with_the_new_key_too otactl -C "$ws" sign root --key "$tmp/second.pem" --yes
contains sign_root_is_complete "$out" "root version 2: 2 of 2 signatures"

done_testing
