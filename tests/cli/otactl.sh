#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl without a daemon: every verb, what it prints, and one clear error with the documented exit code for every kind of bad input.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws build=$tmp/build other=$tmp/other
entries() { find "$1" -mindepth 1 -maxdepth 1 ! -name '.*' | wc -l; }
sample() { otadevice sample "$@" >/dev/null; }
sample "$build" --chip esp32c3 --version 1.0.0 || skip_all "otadevice sample does not run"
sample "$other" --chip esp32s3 --version 1.0.0
truncate -s 4G "$tmp/sparse.bin"
: >"$tmp/empty.bin"
mkdir "$tmp/folder"

# ---- command line ----
ok "otactl_help_lists_verbs" otactl --help
verbs=(init push publish renew restore "root show" "root add-key" "root remove-key"
    "root threshold" "root rotate" "root sign" "root publish" "product add" "product rotate-key" "product retire" inspect
    releases bundle status verify "device add" "device list" "token create" "token list" "token revoke"
    "keys list" "keys new" "keys backup" "keys restore" "keys move-offline" "sign export" "sign import" sign
    "fleet list")
for verb in "${verbs[@]}"; do
    contains "otactl_help_names_${verb// /_}" "$out" "  $verb "
done
for verb in "${verbs[@]}"; do
    # shellcheck disable=SC2086
    run otactl $verb --help
    is "otactl_${verb// /_}_help_goes_to_stdout" "$rc:$err" "0:"
    run awk 'length > 100 {print FILENAME ": " $0}' "$tmp/.out"
    is "otactl_${verb// /_}_help_fits_a_terminal" "$out" ""
done
fails "otactl_without_verb" 2 "verb is wanted" otactl
fails "otactl_unknown_verb_suggests" 2 'did you mean "push"' otactl psuh
fails "otactl_unknown_option_suggests" 2 'did you mean "--channel"' otactl push --chanel stable
fails "otactl_option_without_value" 2 "wants" otactl push --channel
fails "otactl_too_many_operands" 2 "unexpected" otactl status extra

# ---- no workspace ----
for verb in "push $build" releases status "device add kitchen" "device list" "fleet list" "verify $build/.."; do
    name=${verb%% /*}
    # shellcheck disable=SC2086
    case $verb in
    verify*) fails "otactl_verify_of_no_repository" 1 "no repository" otactl verify "$tmp/folder" ;;
    *) fails "otactl_${name// /_}_without_workspace_names_init" 2 "otactl init" env -C "$tmp" otactl $verb ;;
    esac
done
fails "otactl_missing_workspace_folder" 2 "otactl init" otactl -C "$tmp/nowhere" status
fails "otactl_workspace_that_is_a_file" 2 "otactl init" otactl -C "$tmp/empty.bin" status
fails "otactl_home_that_is_none" 2 'OTA_HOME' env OTA_HOME="$tmp/folder" otactl status

# ---- init ----
fails "otactl_init_wants_product_and_chip" 2 "--product thermo --chip" otactl init "$ws"
fails "otactl_init_bad_product" 2 "is not a name" otactl init "$ws" --product 'My Thermo' --chip esp32c3
fails "otactl_init_reserved_product" 2 "choose another" otactl init "$ws" --product targets --chip esp32c3
fails "otactl_init_unknown_chip_suggests" 2 'did you mean "esp32c3"' otactl init "$ws" --product thermo --chip esp32c33
fails "otactl_init_bad_url" 2 "https://host:8443" otactl init "$ws" --product thermo --chip esp32c3 --url http://x
fails "otactl_init_url_with_newline" 2 "https://host:8443" otactl init "$ws" --product thermo --chip esp32c3 --url $'https://x\nlisten = y:1'
is "otactl_init_refused_leaves_nothing" "$(find "$tmp" -name '*init-*' | wc -l)$(test -e "$ws" && echo there)" "0"
fails "otactl_init_onto_a_file" 1 "not a folder" otactl init "$tmp/empty.bin" --product thermo --chip esp32c3
fails "otactl_init_where_it_may_not_write" 1 "cannot create" otactl init /proc/ota --product thermo --chip esp32c3
ok "otactl_init_makes_a_workspace" otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:9443
contains "otactl_init_next_push" "$out" "otactl -C $ws push BUILD_DIR"
contains "otactl_init_next_serve" "$out" "otaserve -C $ws"
contains "otactl_init_next_fleet" "$out" "otactl -C $ws fleet list"
is "otactl_init_keys_are_private" "$(stat -c %a "$ws/keys" "$ws/keys/thermo.pem" "$ws/keys/root.pem" | tr '\n' ' ')" "700 600 600 "
is "otactl_init_conf_has_the_url" "$(grep -c '^url = https://ota.example:9443$' "$ws/ota.conf")" 1
is "otactl_init_listens_on_the_port_of_the_url" "$(grep -c '^listen = 0.0.0.0:9443$' "$ws/ota.conf")" 1
is "otactl_init_keeps_keys_out_of_git" "$(grep -cE '^/(keys|state)/$' "$ws/.gitignore")" 2
is "otactl_init_certificate_names_the_host" \
    "$(openssl x509 -in "$ws/keys/server.crt" -noout -checkhost ota.example | grep -c 'does match')" 1
before=$(find "$ws" -type f -exec sha256sum {} + | sort | sha256sum)
fails "otactl_init_refuses_to_overwrite" 1 "is a workspace already" otactl init "$ws" --product thermo --chip esp32c3
is "otactl_init_refused_changed_nothing" "$(find "$ws" -type f -exec sha256sum {} + | sort | sha256sum)" "$before"
fails "otactl_init_product_without_chip" 2 "as often as" otactl init "$tmp/two" --product thermo --chip esp32c3 --product valve
fails "otactl_init_upper_case_chip_suggests" 2 'did you mean "esp32c3"' otactl init "$tmp/two" --product thermo --chip ESP32-C3
fails "otactl_init_product_twice" 1 "thermo" otactl init "$tmp/two" --product thermo --chip esp32c3 --product thermo --chip esp32
ok "otactl_init_two_products" otactl init "$tmp/two of them's" --product thermo --chip esp32c3 --product valve --chip esp32s3
contains "otactl_init_quotes_the_folder" "$out" "otactl -C '$tmp/two of them'\''s' push BUILD_DIR"
contains "otactl_init_names_both_products" "$out" "for thermo on esp32c3, valve on esp32s3."
ok "otactl_init_second_product_is_pushed" otactl -C "$tmp/two of them's" push "$other" --product valve
ok "otactl_init_second_product_has_boards" otactl -C "$tmp/two of them's" device add porch --product valve
mkdir "$tmp/half" && mkdir "$tmp/half/keys"
fails "otactl_init_refuses_leftover_keys" 1 "without ota.conf" otactl init "$tmp/half" --product thermo --chip esp32c3
mkdir -p "$tmp/here/images" && echo '*.o' >"$tmp/here/.gitignore"
run env -C "$tmp/here" otactl init --product lamp --chip esp32 --json
is "otactl_init_in_a_folder_that_exists" "$rc" 0
contains "otactl_init_json_names_the_root" "$out" '/state/repo/metadata/1.root.json"'
is "otactl_init_keeps_a_gitignore" "$(head -n 1 "$tmp/here/.gitignore") $(grep -c '^/keys/$' "$tmp/here/.gitignore")" "*.o 1"
is "otactl_init_leaves_no_temporary_folder" "$(find "$tmp" -maxdepth 2 -name '*init-*' | wc -l)" 0
killed_after() { # seconds command...: kill -9 in the middle of it
    kill_delay=$1
    shift
    "$@" >/dev/null 2>&1 </dev/null &
    kill_pid=$!
    sleep "$kill_delay"
    { kill -9 $kill_pid; wait $kill_pid; } 2>/dev/null
}
for i in 1 2 3 4 5 6; do
    killed_after "0.0$i" otactl init "$tmp/killed$i" --product thermo --chip esp32c3
    [ -e "$tmp/killed$i" ] && { otactl verify "$tmp/killed$i" >/dev/null 2>&1 || echo bad >>"$tmp/killed"; }
done
is "otactl_init_killed_is_whole_or_absent" "$(cat "$tmp/killed" 2>/dev/null)" ""

# ---- push: refused before anything is published ----
push() { otactl -C "$ws" push "$@"; }
fails "otactl_push_without_build" 2 "flasher_args.json" env -C "$tmp/folder" otactl -C "$ws" push
fails "otactl_push_missing_file" 1 "missing.bin" push "$tmp/missing.bin"
fails "otactl_push_empty_file" 1 "is empty" push "$tmp/empty.bin"
fails "otactl_push_sparse_file" 1 "at most" push "$tmp/sparse.bin"
fails "otactl_push_folder_that_is_no_build" 1 "Run idf.py build, or name the files: otactl push app.bin" push "$tmp/folder"
fails "otactl_push_folder_among_files" 1 "is a folder" push "$build/thermo.bin" "$build"
fails "otactl_push_other_chip" 1 "esp32s3" push "$other"
fails "otactl_push_unknown_product" 2 "thermo" push "$build" --product lamp
printf '\n[product valve]\nchip = esp32c3\nchannels = stable\n' >>"$ws/ota.conf"
fails "otactl_push_product_without_a_role" 1 "otactl product add valve" push "$build" --product valve
fails "otactl_device_add_for_a_product_without_a_role" 1 "otactl product add valve" otactl -C "$ws" device add porch --product valve
sed -i '/^\[product valve\]/,$d' "$ws/ota.conf"
fails "otactl_push_unknown_channel_suggests" 2 'did you mean "stable"' push "$build" --channel stabel
fails "otactl_push_unknown_channel_lists_all" 2 "ota.conf lists: beta, stable" push "$build" --channel nope
fails "otactl_push_share_over_all" 2 "no share" push "$build" --share 101%
fails "otactl_push_share_no_number" 2 "no share" push "$build" --share half
fails "otactl_push_permille_over_all" 2 "0 to 1000" push "$build" --permille 1001
fails "otactl_push_share_twice" 2 "give one" push "$build" --share 1% --permille 1
fails "otactl_push_missing_notes" 1 "notes.txt" push "$build" --notes "$tmp/notes.txt"
fails "otactl_push_sparse_notes" 1 "at most 4096" push "$build" --notes "$tmp/sparse.bin"
fails "otactl_push_missing_sdkconfig" 1 "nosdk" push "$build" --sdkconfig "$tmp/nosdk"
fails "otactl_push_from_min_above_all" 1 "newest release" push "$build" --from-min 5
fails "otactl_push_with_unknown_label" 1 "it has:" push "$build" --with nothing
fails "otactl_push_with_otadata" 1 "otadata" push "$build" --with otadata
fails "otactl_push_with_storage_wants_the_word" 1 "--compatible" push "$build" --with storage
fails "otactl_push_with_bootloader_wants_the_risk" 1 "--accept-brick-risk" push "$build" --with @bootloader --compatible
fails "otactl_push_with_on_files" 2 "build folder" push "$build/thermo.bin" --with storage
head -c 1000 "$build/thermo.bin" >"$tmp/short.bin"
fails "otactl_push_truncated_app" 1 "short.bin" push "$tmp/short.bin"
cp "$build/thermo.bin" "$tmp/bent.bin" && printf X | dd of="$tmp/bent.bin" bs=1 seek=70000 conv=notrunc status=none
fails "otactl_push_damaged_app" 1 "checksum" push "$tmp/bent.bin"
is "otactl_push_refused_published_nothing" "$(entries "$ws/state/repo/targets/img")$(entries "$ws/state/incoming")" 00

# ---- push ----
run push "$build" -n
is "otactl_push_dry_run_succeeds" "$rc:$err" "0:"
contains "otactl_push_dry_run_lists_what_it_left_out" "$out" "add --with storage"
contains "otactl_push_dry_run_says_so" "$out" "nothing was published"
contains "otactl_push_dry_run_says_what_would_be_offered" "$out" "Would be offered on stable to 100% of its boards."
is "otactl_push_dry_run_published_nothing" "$(entries "$ws/state/repo/targets/img")" 0
run push "$build/storage.bin" -n
contains "otactl_push_data_notes_the_unknown_table" "$out" "no partition table is known"
head -c 400000 /dev/zero >"$tmp/large.bin"
ok "otactl_push_publishes" push "$build"
contains "otactl_push_names_the_release" "$out" "Published as thermo release 1."
contains "otactl_push_offers_on_the_default_channel" "$out" "Offered on stable to 100%"
is "otactl_push_serves_the_bytes_pushed" \
    "$(sha256sum <"$(find "$ws/state/repo/targets/img/thermo/1" -name '*.app.bin')")" "$(sha256sum <"$build/thermo.bin")"
is "otactl_push_serves_its_zlib_form" "$(ls "$ws"/state/repo/targets/img/thermo/1 | grep -c '\.app\.bin\.z$')" 1
is "otactl_push_leaves_nothing_incoming" "$(entries "$ws/state/incoming")" 0
run push "$build" -n
contains "otactl_push_tells_the_compressed_size" "$out" "compressed"
run push "$build" -n --json
is "otactl_push_compresses_to_the_same_bytes" "$(jq -c '.steps[0].z' <<<"$out")" "$(otactl -C "$ws" releases --json | jq -c '.releases[0].steps[0].z')"
run push "$build" -n --no-compress --json
is "otactl_push_without_zlib_forms" "$rc $(jq -c '[.steps[] | has("z")]' <<<"$out")" '0 [false]'
run push "$build" -n
contains "otactl_push_notes_an_image_on_offer" "$out" "Note: @ota is the same image as in release 1"
run push "$build" -n --version 0.9.12
contains "otactl_push_notes_a_lower_version" "$out" "Note: 0.9.12 is lower than the 1.0.0 of release 1, which stable offers: boards go back"
sample "$tmp/build2" --chip esp32c3 --version 2.0.0 --add-label voices
echo "What is new" >"$tmp/notes.txt"
run push "$tmp/build2" --with all --compatible --accept-brick-risk --channel beta --share 2.5% --notes "$tmp/notes.txt" --version 2.0-rc1 --json
is "otactl_push_with_all_succeeds" "$rc:$err" "0:"
for part in '"counter":2' '"version":"2.0-rc1"' '"channel":"beta"' '"permille":25' '"published":true' '"label":"voices"' '"kind":"partition-table"'; do
    contains "otactl_push_json_has_$part" "$out" "$part"
done
is "otactl_push_serves_the_notes" "$(cat "$ws"/state/repo/targets/img/thermo/2/*.release.txt)" "What is new"
run otactl verify "$ws"
contains "otactl_verify_names_each_release" "$out" "release 2 of thermo, version 2.0-rc1: 5 images"
cp -r "$ws/state/repo" "$tmp/bad"
printf X | dd of="$(find "$tmp/bad/targets/img/thermo/2" -name '*.storage.bin')" bs=1 seek=100 conv=notrunc status=none
fails "otactl_verify_notices_a_changed_image" 1 "SHA-256" otactl verify "$tmp/bad" --root "$ws/keys/root.json"
cp -r "$ws/state/repo" "$tmp/worse" && sed -i 's/"permille":25,/"permille":26,/' "$tmp"/worse/metadata/*.rollout.json
fails "otactl_verify_notices_changed_metadata" 1 "rollout" otactl verify "$tmp/worse" --root "$ws/keys/root.json"
run push "$build/storage.bin" --channel beta
is "otactl_push_data_alone" "$rc:$err" "0:"
is "otactl_push_remembers_the_partition_table" "$(grep -c '^Note: no partition table' <<<"$out")" 0
fails "otactl_push_label_not_in_the_table" 1 'no partition "nothere"' push "$build/storage.bin:nothere"
fails "otactl_push_larger_than_its_partition" 1 "do not fit into partition" push "$tmp/large.bin:storage"
fails "otactl_push_table_names_another" 1 'no partition "voices"' push "$build/storage.bin:voices" --table "$build/partition_table/partition-table.bin"
fails "otactl_push_table_is_for_files" 2 "brings its own" push "$build" --table "$build/partition_table/partition-table.bin"
fails "otactl_push_app_as_data" 1 "leave the label out" push "$build/thermo.bin:storage"
fails "otactl_push_bootloader_as_data" 1 "leave the label out" push "$build/bootloader/bootloader.bin:storage"
run env -C "$build" otactl -C "$ws" push
is "otactl_push_from_inside_the_build" "$rc:$err" "0:"

# ---- releases, status, verify ----
ok "otactl_releases" otactl -C "$ws" releases
contains "otactl_releases_shows_where_it_is_offered" "$out" "stable 100%"
run otactl -C "$ws" releases --json
contains "otactl_releases_json" "$out" '"offered":[{"channel":"stable","permille":1000}]'
fails "otactl_releases_unknown_product" 2 "thermo" otactl -C "$ws" releases --product lamp
ok "otactl_status" otactl -C "$ws" status
contains "otactl_status_says_what_a_thief_could_do" "$out" "sign any release of thermo (thermo: keys/thermo.pem)"
contains "otactl_status_says_that_a_thief_could_change_keys" "$out" "change every key, and so sign anything (root: keys/root.pem)"
contains "otactl_status_says_that_a_thief_could_add_products" "$out" "add products and replace the keys of all of them (targets: keys/targets.pem)"
contains "otactl_status_shows_the_certificate" "$out" "(TLS certificate)"
contains "otactl_status_says_that_no_daemon_runs" "$out" "not running"
cp -a "$ws/keys/last-signed" "$tmp/" && sed -i 's/^\(timestamp \).*/\19999999999/; s/ [0-9a-f]\{64\}$/ '"$(printf 0 | sha256sum | cut -d' ' -f1)"'/' "$ws/keys/last-signed"
contains "otactl_status_warns_of_a_restored_repository" "$(otactl -C "$ws" status)" "Warning: nothing can be signed: state/repo is older"
fails "otactl_push_onto_a_restored_repository" 1 "otactl restore --merge" push "$build"
contains "otactl_push_onto_a_restored_repository_is_taken_back" "$err" "taken back, nothing was published"
mv "$tmp/last-signed" "$ws/keys/"
cp -a "$ws/keys/last-signed" "$tmp/" && sed -i 's/^issued .*/issued 4000000000/' "$ws/keys/last-signed"
contains "otactl_status_warns_of_a_clock_in_the_past" "$(otactl -C "$ws" status)" "which is before the newest signature (2096-10-02T07:06:40Z)"
fails "otactl_push_with_a_clock_in_the_past" 1 "run once: otaserve --clock-ok" push "$build"
mv "$tmp/last-signed" "$ws/keys/"
mkdir "$tmp/offline" && mv "$ws"/keys/{root,targets}.pem "$tmp/offline/"
run otactl -C "$ws" status --json
is "otactl_status_judges_theft_role_by_role" "$(jq -r '.stolen_server | join("|")' <<<"$out")" "sign any release of thermo (thermo: keys/thermo.pem)"
is "otactl_status_names_holders" "$(jq -r '.roles[] | select(.name == "root" or .name == "thermo") | "\(.holder) \(.keys_here) of \(.threshold)"' <<<"$out" | tr '\n' '|')" "elsewhere 0 of 1|keys/thermo.pem 1 of 1|"
mv "$ws/keys/thermo.pem" "$tmp/offline/"
run otactl -C "$ws" status --json
contains "otactl_status_knows_offline_keys" "$out" '"stolen_server":["only choose among releases'
fails "otactl_push_with_another_roles_key" 1 "--key $tmp/offline/targets.pem is no key of thermo" push "$build" --key "$tmp/offline/targets.pem"
mv "$ws/keys" "$tmp/keys-away"
run otactl -C "$ws" status --json
is "otactl_status_promises_nothing_about_keys_it_cannot_see" "$(jq -c '[.stolen_server, .roles[0].holder]' <<<"$out")" '[null,"not known"]'
contains "otactl_status_says_that_keys_cannot_be_seen" "$(otactl -C "$ws" status)" "What a thief of this server could do is not known."
mv "$tmp/keys-away" "$ws/keys"
fails "otactl_push_without_the_key" 1 "name them with --key FILE, or push --unsigned" push "$build"
mv "$tmp"/offline/*.pem "$ws/keys/"
ok "otactl_verify_folder" otactl verify "$ws/state/repo"
run env -C "$tmp/folder" otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json" --json
contains "otactl_verify_json" "$out" '"ok":true'
fails "otactl_verify_missing_folder" 1 "does not exist" otactl verify "$tmp/nowhere"
fails "otactl_verify_empty_file" 1 "the file is empty" otactl verify "$tmp/empty.bin"
fails "otactl_verify_some_file" 1 "a repository is a folder" otactl verify "$ws/ota.conf"
fails "otactl_verify_missing_root" 1 "noroot" otactl verify "$ws/state/repo" --root "$tmp/noroot"
fails "otactl_verify_sparse_root" 1 "at most" otactl verify "$ws/state/repo" --root "$tmp/sparse.bin"
fails "otactl_verify_other_root" 1 "" otactl verify "$ws/state/repo" --root "$tmp/here/state/repo/metadata/1.root.json"

# ---- a push that dies ----
for i in 1 2 3 4 5 6 7 8; do
    killed_after "0.$(printf %02d $((i * 3 - 2)))" otactl -C "$ws" push "$build"
    otactl verify "$ws" >/dev/null 2>>"$tmp/dies" || echo bad >>"$tmp/dies"
done
is "otactl_push_killed_leaves_a_whole_repository" "$(cat "$tmp/dies" 2>/dev/null)" ""
ok "otactl_push_after_kills_goes_on" push "$build"
ok "otactl_verify_after_kills" otactl verify "$ws"

# ---- a push that fails, or is stopped, is not published later ----
queued() { find "$ws/state/incoming" -mindepth 1 -maxdepth 1 -type d ! -name '.*' | wc -l; }
waits() { for _ in $(seq 100); do [ "$(queued)" = "$1" ] && return; sleep 0.05; done; }
stopped_push() { # signal: while a daemon that does nothing holds the lock
    otactl -C "$ws" push "$build" --version "by-$1" >/dev/null 2>"$tmp/stopped.err" </dev/null &
    stopped_pid=$!
    waits 1
    { kill -"$1" $stopped_pid; wait $stopped_pid; } 2>/dev/null
    stopped_rc=$?
}
chmod 644 "$ws/keys/thermo.pem"
fails "otactl_push_with_a_key_others_may_read" 1 "chmod 600 $ws/keys/thermo.pem" push "$build" --version never
chmod 600 "$ws/keys/thermo.pem" && chmod g+w "$ws/keys"
fails "otactl_push_with_keys_others_may_replace" 1 "chmod go-w $ws/keys" push "$build" --version never
chmod g-w "$ws/keys"
cp -a "$build" "$tmp/steering" && jq '.app.file = "\u001b]0;owned\u0007"' "$build/flasher_args.json" >"$tmp/steering/flasher_args.json"
fails "otactl_push_of_a_name_with_an_escape" 1 "control character" push "$tmp/steering"
cp "$build/storage.bin" "$tmp/"$'\e]0;owned.bin'
run push "$tmp/"$'\e]0;owned.bin:storage' -n
contains "otactl_push_plan_is_printable" "$rc $out" "?]0;owned.bin"
fails "otactl_errors_are_printable" 2 "a?]0;owned?b" otactl $'a\e]0;owned\ab'
mv "$ws/keys/snapshot.pem" "$tmp/snapshot.pem"
run push "$build" --version never
contains "otactl_push_that_fails_is_taken_back" "$rc $err" "taken back, nothing was published"
is "otactl_push_that_fails_leaves_nothing_incoming" "$(queued)" 0
mv "$tmp/snapshot.pem" "$ws/keys/snapshot.pem"
if start_daemon "$ws" --url https://localhost; then
    kill -STOP "$daemon_pid"
    stopped_push TERM
    is "otactl_push_stopped_ends_with_an_error" "$stopped_rc" 1
    contains "otactl_push_stopped_says_it_was_taken_back" "$(cat "$tmp/stopped.err")" "taken back, nothing was published"
    is "otactl_push_stopped_leaves_nothing_incoming" "$(queued)" 0
    stopped_push KILL
    kill -KILL "$daemon_pid" 2>/dev/null
    stop_daemon
    mv "$ws/keys/snapshot.pem" "$tmp/snapshot.pem"
    run push "$build"
    contains "otactl_push_behind_a_stuck_one_names_it" "$rc $err" "remove the folder $ws/state/incoming/"
    mv "$tmp/snapshot.pem" "$ws/keys/snapshot.pem"
    rm -r "$ws"/state/incoming/[0-9]*
    run push "$build" --version after-drop
    is "otactl_push_after_dropping_succeeds" "$rc:$err" "0:"
    run otactl -C "$ws" releases
    is "otactl_push_that_failed_is_never_published" "$(echo "$out" | grep -cE 'never|by-TERM|by-KILL')" 0
else
    tap_result 1 "otactl_daemon_starts_for_stopped_pushes"
fi

# ---- a push that another one finds on its way: its answer is for whoever waits for it ----
if start_daemon "$ws" --url https://localhost; then
    kill -STOP "$daemon_pid"
    stopped_push KILL
    kill -KILL "$daemon_pid" 2>/dev/null
    stop_daemon
    ok "otactl_push_behind_a_waiting_one" push "$build" --version after-waiting
    is "otactl_push_leaves_the_answer_of_another" "$(cat "$ws"/state/incoming/[0-9]*.done)" ok
    rm "$ws"/state/incoming/[0-9]*.done
    run otactl -C "$ws" releases
    is "otactl_push_publishes_the_waiting_one_too" "$(echo "$out" | grep -cE 'by-KILL|after-waiting')" 2
fi

# ---- two at once, and nowhere to write ----
push "$build" --version side-a >/dev/null 2>"$tmp/side-a.err" &
side_a=$!
push "$build" --version side-b >/dev/null 2>"$tmp/side-b.err" &
wait $side_a && wait $!
is "otactl_push_twice_at_once_succeeds" "$?:$(cat "$tmp"/side-?.err)" "0:"
run otactl -C "$ws" releases
is "otactl_push_twice_at_once_gives_two_releases" "$(echo "$out" | grep -c 'side-[ab]')" 2
mv "$ws/state/incoming" "$ws/state/incoming-away" && : >"$ws/state/incoming"
fails "otactl_push_where_it_may_not_write" 1 "state/incoming" push "$build"
rm "$ws/state/incoming" && mv "$ws/state/incoming-away" "$ws/state/incoming"

# ---- with a daemon ----
otactl_as_any_user() { # without what lets root open every file
    if [ "$(id -u)" = 0 ]; then
        setpriv --bounding-set=-all --inh-caps=-all otactl "$@"
    else
        otactl "$@"
    fi
}
if start_daemon "$ws" --url https://localhost; then
    run otactl -C "$ws" status --json
    contains "otactl_status_sees_the_daemon" "$out" '"daemon":true'
    chmod 000 "$ws/state/daemon.lock"
    run otactl_as_any_user -C "$ws" status --json
    is "otactl_status_for_a_user_who_may_not_open_the_lock" "$rc:$err:$(jq -c '[.daemon, (.roles | length > 0)]' <<<"$out")" "0::[null,true]"
    contains "otactl_status_says_that_the_daemon_is_not_known" "$(otactl_as_any_user -C "$ws" status)" "otaserve   not known whether it runs"
    chmod 600 "$ws/state/daemon.lock"
    ok "otactl_push_through_the_daemon" push "$build" --version by-daemon
    is "otactl_push_through_the_daemon_leaves_nothing_incoming" \
        "$(find "$ws/state/incoming" -mindepth 1 -maxdepth 1 -type d ! -name '.*' | wc -l)" 0
    run otactl -C "$ws" verify "$daemon_url"
    is "otactl_verify_url_succeeds" "$rc:$err" "0:"
    contains "otactl_verify_url_sees_the_release" "$out" "version by-daemon"
    fails "otactl_verify_url_with_another_ca" 1 "certificate" otactl -C "$ws" verify "$daemon_url" --ca "$tmp/here/keys/ca.crt"
    stop_daemon
    fails "otactl_verify_url_without_server" 1 "connect" otactl -C "$ws" verify "$daemon_url"
else
    tap_result 1 "otactl_daemon_starts"
fi

# ---- damaged configuration ----
cp "$ws/ota.conf" "$tmp/ota.conf" && sed -i 's/^channels/chanels/' "$ws/ota.conf"
fails "otactl_conf_error_names_line_and_key" 1 'did you mean "channels"' otactl -C "$ws" status
truncate -s 4G "$ws/ota.conf"
fails "otactl_conf_sparse" 1 "ota.conf" otactl -C "$ws" status
cp "$tmp/ota.conf" "$ws/ota.conf"
mv "$ws/state/repo" "$ws/state/repo-away"
fails "otactl_status_without_repository" 1 "state/repo" otactl -C "$ws" status
mv "$ws/state/repo-away" "$ws/state/repo"

# ---- inspect, device, fleet ----
ok "otactl_inspect" otactl inspect "$build/thermo.bin"
contains "otactl_inspect_says_what_it_is" "$out" "esp32c3"
run otactl inspect "$tmp/notes.txt"
contains "otactl_inspect_of_an_unknown_file" "$out" "Servable: only as data: no format known here; goes to a label you name (FILE:LABEL)"
python3 - "$tmp/tiny.bin" <<'PY'
import struct, sys
body = struct.pack("<BBBBIB3sHBHHI", 0xE9, 1, 2, 0x20, 0x40380000, 0xEE, b"\0" * 3, 5, 0, 0, 0, 0)[:24]
body = body.ljust(24, b"\0") + struct.pack("<II", 0x40380000, 16) + b"\0" * 16
body += b"\0" * (63 - len(body)) + b"\xef"
open(sys.argv[1], "wb").write(body)
PY
fails "otactl_push_checks_the_size_before_the_label" 1 "under 1024 bytes" push "$tmp/tiny.bin"
fails "otactl_inspect_missing_file" 1 "missing.bin" otactl inspect "$tmp/missing.bin"
fails "otactl_inspect_empty_file" 1 "empty.bin" otactl inspect "$tmp/empty.bin"
fails "otactl_inspect_sparse_file" 1 "sparse.bin" otactl inspect "$tmp/sparse.bin"
fails "otactl_inspect_folder" 1 "folder" otactl inspect "$tmp/folder"
fails "otactl_inspect_without_file" 2 "FILE" otactl inspect
ok "otactl_device_add" otactl -C "$ws" device add kitchen
contains "otactl_device_add_prints_a_token" "$out" "ota_"
read_only() { # "$@" where the workspace cannot be written
    unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && "$@"' "$ws" "$@"
}
if read_only true 2>/dev/null; then
    for verb in status releases "device list" "token list" "fleet list"; do
        # shellcheck disable=SC2086
        run read_only otactl -C "$ws" $verb
        is "otactl_${verb// /_}_reads_where_it_may_not_write" "$rc:$err" "0:"
    done
    contains "otactl_fleet_list_of_a_read_only_workspace" "$out" "kitchen"
else
    skip "otactl_reads_where_it_may_not_write" "unshare -m and mount are not allowed here"
fi
fails "otactl_device_add_twice" 1 "kitchen" otactl -C "$ws" device add kitchen

# ---- a release to be signed later ----
before=$(otactl -C "$ws" releases --json)
mv "$ws/keys/thermo.pem" "$tmp/thermo.pem"
run otactl -C "$ws" push "$build" --unsigned --version 9.9.9 --json
is "otactl_push_unsigned" "$rc $(jq -c '[.published, .draft == "\(.product)-\(.counter)"]' <<<"$out")" "0 [false,true]"
draft=$ws/state/drafts/$(jq -r .draft <<<"$out")
is "otactl_push_unsigned_has_no_signature" "$(jq -c .signatures "$draft"/metadata/*.thermo.json)" "[]"
ok "otactl_push_unsigned_is_a_whole_release" bash -c "grep -q '^version 9.9.9' '$draft/request' && ls '$draft'/targets/img/thermo/*/*.bin"
is "otactl_push_unsigned_publishes_nothing" "$(otactl -C "$ws" releases --json)" "$before"
fails "otactl_push_unsigned_twice" 1 "otactl publish --drop $(basename "$draft")" otactl -C "$ws" push "$build" --unsigned --version 9.9.9
fails "otactl_push_unsigned_with_a_key" 2 "contradict" otactl -C "$ws" push "$build" --unsigned --key "$tmp/thermo.pem"
fails "otactl_push_unsigned_to_a_server" 2 "cannot go to a server" otactl -C "$ws" push "$build" --unsigned --server https://localhost:1
contains "otactl_push_unsigned_dry_run" "$(otactl -C "$ws" push "$build" --unsigned -n)" "nothing was published"
rm -r "$draft"
contains "otactl_push_unsigned_says_what_is_next" "$(otactl -C "$ws" push "$build" --unsigned --version 9.9.9)" "otactl publish $(basename "$draft")"
contains "otactl_sign_shows_the_zlib_form" "$(otactl -C "$ws" sign "$(basename "$draft")" --key "$tmp/thermo.pem" 2>&1 </dev/null)" "zlib form: "
fails "otactl_publish_of_an_unsigned_release" 1 "not signed yet" otactl -C "$ws" publish "$(basename "$draft")"
ok "otactl_sign_of_an_unsigned_release" otactl -C "$ws" sign "$(basename "$draft")" --key "$tmp/thermo.pem" --yes
ok "otactl_publish_of_a_release_signed_later" otactl -C "$ws" publish "$(basename "$draft")"
is "otactl_release_signed_later_is_listed" "$(otactl -C "$ws" releases --json | jq -r '[.releases[].version] | last')" 9.9.9
ok "otactl_release_signed_later_verifies" otactl verify "$ws"
tampered=$(otactl -C "$ws" push "$build" --unsigned --version 9.9.9z --json | jq -r .draft)
python3 -c 'import sys, zlib; open(sys.argv[1], "wb").write(zlib.compress(b"other"))' "$ws/state/drafts/$tampered"/targets/img/thermo/*/*.app.bin.z
ok "otactl_sign_of_a_tampered_zlib_form" otactl -C "$ws" sign "$tampered" --key "$tmp/thermo.pem" --yes
fails "otactl_publish_of_a_tampered_zlib_form" 1 "no zlib stream" otactl -C "$ws" publish "$tampered"
is "otactl_publish_of_a_tampered_zlib_form_lists_nothing" "$(otactl -C "$ws" releases --json | jq -r '[.releases[].version] | last')" 9.9.9
overtaken=$(otactl -C "$ws" push "$build" --unsigned --version 9.9.10 --json | jq -r .draft)
otactl -C "$ws" push "$build" --key "$tmp/thermo.pem" --version 9.9.11 >/dev/null
fails "otactl_sign_of_an_overtaken_release" 1 "otactl publish --drop $overtaken" otactl -C "$ws" sign "$overtaken" --key "$tmp/thermo.pem" --yes
fails "otactl_publish_of_an_overtaken_release" 1 "otactl publish --drop $overtaken" otactl -C "$ws" publish "$overtaken"
ok "otactl_publish_drops_an_overtaken_release" otactl -C "$ws" publish --drop "$overtaken"
rm -r "$draft"
mv "$tmp/thermo.pem" "$ws/keys/thermo.pem"

# ---- tokens ----
token=$(otactl -C "$ws" token create ci --role push --product thermo --expires 12h --json)
is "otactl_token_create" "$(jq -r '"\(.name) \(.role) \(.product) \((.expires | fromdate) - (.created | fromdate))"' <<<"$token")" "ci push thermo 43200"
is "otactl_token_looks_like_one" "$(jq -r '.token | test("^ota_[A-Za-z0-9_-]{43}$")' <<<"$token")" true
fails "otactl_token_create_twice" 1 "in use" otactl -C "$ws" token create ci --role read
fails "otactl_token_without_role" 2 "which role" otactl -C "$ws" token create deploy
fails "otactl_token_of_no_role" 2 "no role" otactl -C "$ws" token create deploy --role root
fails "otactl_token_of_no_time" 2 "such as 12h or 90d" otactl -C "$ws" token create deploy --role push --expires 90
fails "otactl_token_of_too_long_a_time" 2 "such as 12h or 90d" otactl -C "$ws" token create deploy --role push --expires 11y
fails "otactl_token_of_no_product" 2 "no product" otactl -C "$ws" token create deploy --role push --product nope
fails "otactl_token_of_no_name" 2 "cannot name a token" otactl -C "$ws" token create 'My CI' --role push
contains "otactl_token_create_says_how_to_use_it" "$(otactl -C "$ws" token create wall --role operate)" "OTA_TOKEN_FILE"
is "otactl_token_list" "$(otactl -C "$ws" token list --json | jq -c '[.tokens[] | [.name, .role, .product, .used, .state]]')" \
    '[["ci","push","thermo",null,"valid"],["wall","operate",null,null,"valid"]]'
ok "otactl_token_revoke" otactl -C "$ws" token revoke ci
fails "otactl_token_revoke_nobody" 1 "no token is named" otactl -C "$ws" token revoke nobody
contains "otactl_token_list_shows_revoked" "$(otactl -C "$ws" token list | grep '^ci ')" "revoked"
ok "otactl_token_is_not_stored" bash -c "! grep -qa '$(jq -r .token <<<"$token")' '$ws'/state/fleet.db*"
fails "otactl_device_add_bad_id" 2 "bad id" otactl -C "$ws" device add 'bad id'
fails "otactl_device_wants_a_second_word" 2 "wants one of: add, list, revoke" otactl device
ok "otactl_help_of_a_group" otactl keys --help
contains "otactl_help_of_a_group_lists_its_verbs" "$out" "keys move-offline   take an offline role's key off this machine"
fails "otactl_group_with_an_option_that_is_none" 2 "wants one of" otactl keys --json
ok "otactl_device_list" otactl -C "$ws" device list
contains "otactl_device_list_shows_it" "$out" "kitchen"
run otactl -C "$ws" fleet list --json
contains "otactl_fleet_list_json" "$out" '"kitchen"'

# ---- whoever reads goes away, or the disk is full ----
cat >"$tmp/gone.py" <<'END'
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
run = subprocess.run(sys.argv[1:], stdout=write, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
print(run.returncode, run.stderr.decode())
END
for id in $(seq 40); do otactl -C "$ws" device add "board-$id" >/dev/null; done # more than a buffer
for verb in "fleet list" "fleet list --json" "device list" "status"; do
    # shellcheck disable=SC2086
    is "otactl_${verb// /_}_says_nothing_to_head" "$(python3 "$tmp/gone.py" otactl -C "$ws" $verb)" "1 "
done
if [ -w /dev/full ]; then
    otactl -C "$ws" device list >/dev/full 2>"$tmp/full"
    is "otactl_full_disk_is_told" "$? $(cat "$tmp/full")" "1 otactl: standard output: cannot write: No space left on device"
else
    skip "otactl_full_disk_is_told" "there is no /dev/full"
fi

done_testing
