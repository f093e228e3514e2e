#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl push against the releases before it: the refusals that --accept-change lifts, and the remarks.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws build=$tmp/build
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample "$build" --chip esp32c3 --version 1.0.0 >/dev/null || skip_all "otadevice sample does not run"
push() { otactl -C "$ws" push "$@"; }
ok push_policy_first_release push "$build" --with @bootloader --compatible --accept-brick-risk

# ---- another project ----
otadevice sample "$tmp/bell" --chip esp32c3 --version 2.0.0 --project doorbell >/dev/null
fails push_policy_refuses_another_project 1 "$tmp/bell/doorbell.bin: project_name (at 0x50) is \"doorbell\", of release 1 \"thermo\"" push "$tmp/bell"
contains push_policy_names_the_way_out "$err" "--accept-change project"
fails push_policy_refuses_it_on_a_dry_run_too 1 "--accept-change project" push "$tmp/bell" -n
fails push_policy_refuses_it_unsigned_too 1 "--accept-change project" push "$tmp/bell" --unsigned
fails push_policy_other_words_do_not_help 1 "--accept-change project" push "$tmp/bell" --accept-change boot --accept-change secure-version
fails push_policy_unknown_word 2 "none of project, secure-version, boot, keys" push "$tmp/bell" --accept-change everything
is push_policy_refused_published_nothing "$(otactl -C "$ws" releases --json | jq '.releases | length')" 1
ok push_policy_accepts_another_project push "$tmp/bell" --accept-change project -n

# ---- a version that goes down, in both forms ----
otadevice sample "$tmp/old" --chip esp32c3 --version 0.9.0 >/dev/null
ok push_policy_takes_a_lower_version push "$tmp/old" -n
contains push_policy_notes_a_lower_version "$out" "Note: 0.9.0 is lower than the 1.0.0 of release 1, which stable offers: boards go back"
is push_policy_json_has_the_note "$(push "$tmp/old" -n --json | jq '[.remarks[] | select(startswith("0.9.0 is lower"))] | length')" 1

# ---- another boot configuration ----
cp -r "$build" "$tmp/boot"
sed -i -E 's/"BOOTLOADER_APP_ROLLBACK_ENABLE":[[:space:]]*true/"BOOTLOADER_APP_ROLLBACK_ENABLE": false/' "$tmp/boot/config/sdkconfig.json"
words=(--with @bootloader --compatible --accept-brick-risk -n)
fails push_policy_refuses_another_boot_configuration 1 "BOOTLOADER_APP_ROLLBACK_ENABLE is 0x0, of release 1 0x1" push "$tmp/boot" "${words[@]}"
ok push_policy_accepts_another_boot_configuration push "$tmp/boot" "${words[@]}" --accept-change boot
ok push_policy_app_alone_has_no_boot_configuration push "$tmp/boot" -n

# ---- other Secure Boot keys, in a workspace of its own ----
keyed=$tmp/keyed
otactl init "$keyed" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
for key in first second; do otactl keys new --secure-boot rsa3072 -o "$tmp/$key.pem" >/dev/null; done
secure_boot=false
by() { # KEY...: the build, its app signed by these; of boards with $secure_boot
    local key keys=()
    for key in "$@"; do keys+=(--secure-boot "$tmp/$key.pem"); done
    rm -rf "$tmp/by" && cp -r "$build" "$tmp/by" && otactl sign "${keys[@]}" "$build/thermo.bin" -o "$tmp/by/thermo.bin" >/dev/null
    jq ".SECURE_BOOT = $secure_boot | .SECURE_BOOT_V2_ENABLED = $secure_boot" "$build/config/sdkconfig.json" >"$tmp/by/config/sdkconfig.json"
}
push_keyed() { otactl -C "$keyed" push "$@"; }
by first
ok push_policy_first_signed_release push_keyed "$tmp/by"
by second
fails push_policy_refuses_other_keys 1 "$tmp/by/thermo.bin: is signed by no key of release 1's app" push_keyed "$tmp/by"
contains push_policy_names_the_way_out_of_other_keys "$err" "--accept-change keys"
fails push_policy_refuses_no_key 1 "thermo.bin: carries no signature, unlike that of release 1's app" push_keyed "$build"
ok push_policy_accepts_other_keys push_keyed "$tmp/by" --accept-change keys -n
with_boot=(--with @bootloader --compatible --accept-brick-risk)
secure_boot=true
by second
otactl sign --secure-boot "$tmp/first.pem" "$build/bootloader/bootloader.bin" -o "$tmp/by/bootloader/bootloader.bin" >/dev/null
fails push_policy_refuses_app_and_bootloader_of_different_keys 1 "thermo.bin: no Secure Boot key that signed $tmp/by/bootloader/bootloader.bin signed it, too" push_keyed "$tmp/by" "${with_boot[@]}"
# A file by itself does not say who looks at which of its signatures; those who do so on update look at the first.
secure_boot=false
by second first
fails push_policy_bare_file_keeps_the_first_key 1 "thermo.bin: a key of release 1's app signed it, but not first" push_keyed "$tmp/by/thermo.bin"
fails push_policy_without_secure_boot_keeps_the_first_key 1 "but not first" push_keyed "$tmp/by"
ok push_policy_bare_file_by_its_owners_word push_keyed "$tmp/by/thermo.bin" --accept-change keys -n
secure_boot=true
by second first
ok push_policy_takes_a_key_that_is_added push_keyed "$tmp/by"
by second
ok push_policy_then_the_old_key_may_go push_keyed "$tmp/by" -n

# ---- a past that is gone, or not what was signed ----
image=$(find "$ws/state/repo/targets/img/thermo/1" -name '*.app.bin')
mv "$image" "$tmp/kept"
ok push_policy_without_the_image push "$build" -n
contains push_policy_notes_that_it_is_gone "$out" "the app of release 1 is gone"
head -c 4096 "$tmp/kept" >"$image"
fails push_policy_with_another_image 1 "the app of release 1: it is not the image that was signed" push "$build" -n
cp "$tmp/kept" "$image"
ok push_policy_with_the_image push "$build" -n

# ---- the inbox, where nobody can say that it is meant ----
start_daemon "$ws" || exit 1
until_log() { for _ in $(seq 100); do grep -qF -- "$1" "$tmp/daemon.log" && return; sleep 0.1; done; }
cp "$tmp/bell/doorbell.bin" "$ws/images/"
until_log --accept-change
contains push_policy_inbox_refuses_another_project "$(cat "$tmp/daemon.log")" 'doorbell.bin: project_name (at 0x50) is "doorbell", of release 1 "thermo"'
is push_policy_inbox_published_nothing "$(otactl -C "$ws" releases --json | jq '.releases | length')" 1
rm "$ws/images/doorbell.bin"
cp "$tmp/old/thermo.bin" "$ws/images/"
until_log 'release 2 of thermo'
contains push_policy_inbox_notes_a_lower_version "$(cat "$tmp/daemon.log")" 'note: 0.9.0 is lower than the 1.0.0 of release 1'

# ---- a server, from a workspace that never pushed: what it published is what counts ----
ci=$tmp/ci
mkdir -p "$ci/keys"
cp "$ws/ota.conf" "$ci/"
cp "$ws/keys/root.json" "$ws/keys/ca.crt" "$ws/keys/thermo.pem" "$ci/keys/"
fails push_policy_server_refuses_another_project 1 'is "doorbell", of release 2 "thermo"' otactl -C "$ci" --server "$daemon_url" push "$tmp/bell" -n
ok push_policy_server_accepts_another_project otactl -C "$ci" --server "$daemon_url" push "$tmp/bell" -n --accept-change project
done_testing
