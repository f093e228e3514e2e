#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Key ceremonies on one machine: every role's key rotated, two of three keys of root, products that come and go. A board of the first day follows all of it.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws safe=$tmp/safe build=$tmp/build
otadevice sample "$build" --chip esp32c3 --version 1.0.0 >/dev/null || skip_all "otadevice sample does not run"
otactl init "$ws" --product thermo --chip esp32c3 --url https://127.0.0.1:8443 >/dev/null
mkdir -m 0700 "$safe"
ctl() { otactl -C "$ws" "$@"; }
follows() { ok "$1_is_followed_from_root_1" otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json"; }
newest() { find "$ws/state/repo/metadata" -name '*.root.json' | wc -l; }
# The keyid of a role's first key (or the one of that index).
keyid() { ctl --json root show | python3 -c "import json,sys; print([r['keys'][${2:-0}]['keyid'] for r in json.load(sys.stdin)['roles'] if r['name']=='$1'][0])"; }
new_key() { (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null) && openssl pkey -in "$1" -pubout -out "$1.pub"; }
ctl push "$build" --channel stable >/dev/null

# ---- one key after the other ----
fails "root_sign_without_a_change" 1 "no change waits" ctl root sign
fails "root_publish_without_a_change" 1 "no change waits" ctl root publish
fails "root_rotate_of_no_role" 1 "there is no role" ctl root rotate kitchen
fails "root_rotate_of_a_product_names_its_verb" 2 "product rotate-key thermo" ctl root rotate thermo
for role in timestamp snapshot targets root rollout; do
    before=$(keyid $role)
    ok "root_rotate_$role" ctl root rotate $role
    contains "root_rotate_${role}_says_what_is_missing" "$out" "0 of 1 signatures"
    fails "root_publish_of_unsigned_$role" 1 "not signed yet" ctl root publish
    ok "root_sign_$role" ctl root sign
    ok "root_publish_$role" ctl root publish
    is "root_rotate_${role}_names_another_key" "$([ "$(keyid $role)" != "$before" ] && echo yes)" yes
    is "root_rotate_${role}_moves_the_old_key_away" "$(find "$ws/keys/retired" -name "${before:0:8}.*" | wc -l)" 1
    follows "root_rotate_$role"
done
is "root_rotate_made_a_root_each_but_for_rollout" "$(newest)" 5
ok "root_rotated_workspace_still_pushes" ctl push "$build" --channel stable
follows "push_after_rotations"
is "root_retired_keys_are_closed_to_others" "$(stat -c %a "$ws/keys/retired")" 700

# ---- a key that is lost ----
for role in timestamp snapshot rollout; do
    find "$ws/keys" -maxdepth 1 -name "$role.*" -delete
    fails "root_without_the_key_of_${role}_nothing_is_signed" 1 "root rotate $role" ctl push "$build" --channel stable --share "1$(newest)%"
    contains "root_status_warns_of_the_lost_$role" "$(ctl status)" "role $role cannot be signed here"
    ok "root_rotate_the_lost_$role" bash -c 'ctl() { otactl -C "$0" "$@"; }; ctl root rotate "$1" && ctl root sign && ctl root publish' "$ws" $role
    follows "root_replaces_the_lost_$role"
done
ok "root_after_lost_keys_pushes" ctl push "$build" --channel stable

# ---- two of three ----
new_key "$safe/ann.pem" && new_key "$safe/bob.pem"
ok "root_add_key_of_ann" ctl root add-key root "$safe/ann.pem.pub"
ok "root_add_key_of_bob" ctl root add-key root "$safe/bob.pem.pub"
fails "root_add_key_twice" 1 "already" ctl root add-key root "$safe/bob.pem.pub"
fails "root_threshold_nobody_can_meet" 2 "from 1 to 3" ctl root threshold root 4
ok "root_threshold" ctl root threshold root 2
ok "root_sign_with_the_old_key" ctl root sign
fails "root_publish_below_the_new_threshold" 1 "1 of 2 signatures by the keys of root $(($(newest) + 1))" ctl root publish
ok "root_sign_with_ann" ctl root sign --key "$safe/ann.pem"
ok "root_publish_two_of_three" ctl root publish
follows "root_two_of_three"
contains "root_show_knows_what_is_elsewhere" "$(ctl root show)" "elsewhere"

own=$(find "$ws/keys" -maxdepth 1 -name 'root.*.pem')
ok "root_change_under_two_of_three" ctl root rotate timestamp
ok "root_sign_by_one" ctl root sign
fails "root_publish_below_the_old_threshold" 1 "1 of 2" ctl root publish
mv "$own" "$safe/own.pem"
ok "root_sign_by_another" ctl root sign --key "$safe/bob.pem"
ok "root_publish_by_two" ctl root publish
follows "root_second_ceremony"
ok "root_remove_key" ctl root remove-key root "$(keyid root)"
fails "root_remove_key_below_the_threshold" 1 "root threshold" ctl root remove-key root "$(keyid root 1)"
ok "root_sign_removal" ctl root sign --key "$safe/ann.pem" --key "$safe/bob.pem"
ok "root_publish_removal" ctl root publish
follows "root_removal"

# ---- drafts ----
ok "publish_lists_nothing" ctl publish
contains "publish_says_nothing_waits" "$out" "Nothing waits"
ctl root rotate snapshot >/dev/null
ok "publish_lists_a_draft" ctl publish
contains "publish_names_the_draft" "$out" "root: snapshot has the key"
fails "publish_of_an_unsigned_draft" 1 "not signed yet" ctl publish root
ok "publish_drops_a_draft" ctl publish --drop root
fails "publish_of_a_dropped_draft" 1 "no draft" ctl publish root

# ---- products ----
ok "product_add" ctl product add valve --chip esp32s3
follows "product_add"
contains "product_add_writes_its_section" "$(cat "$ws/ota.conf")" "[product valve]"
fails "product_add_twice" 1 "already" ctl product add valve --chip esp32s3
fails "product_add_reserved" 2 "cannot name a product" ctl product add rollout --chip esp32s3
fails "product_add_named_like_tls_keys" 2 "cannot name a product" ctl product add tls-x --chip esp32s3
fails "product_add_without_chip" 2 "which chip" ctl product add gauge
ok "product_rotate_key" ctl product rotate-key thermo
follows "product_rotate_key"
ok "product_with_another_key_takes_a_release" ctl push "$build" --product thermo --channel stable
follows "push_with_the_products_new_key"
fails "product_retire_asks_first" 2 "nothing was retired: there is no terminal to ask on; add --yes" ctl product retire thermo
ok "product_retire" ctl product retire thermo --yes
follows "product_retire"
is "product_retire_withdraws_its_channels" "$(ctl --json releases | grep -c '"counter"')" 0
is "product_retire_takes_its_section_out" "$(grep -c 'product thermo' "$ws/ota.conf")" 0
contains "product_retire_keeps_the_top_of_the_file" "$(cat "$ws/ota.conf")" "# What boards call."
fails "product_name_is_not_used_again" 1 "never used again" ctl product add thermo --chip esp32c3
mv "$ws/keys/valve.pem" "$safe/"
ok "product_retire_without_its_key_waits" ctl product retire valve --yes
contains "product_retire_says_what_to_type" "$out" "otactl sign retire-valve --key FILE"
contains "product_retire_that_waits_says_what_becomes_of_ota_conf" "$out" "ota.conf stays as it is until then"
contains "product_retire_that_waits_leaves_its_section" "$(cat "$ws/ota.conf")" "[product valve]"
ok "product_retire_draft_dropped" ctl publish --drop retire-valve
ok "product_retire_with_a_lost_key" ctl product retire valve --lost-key --yes
follows "product_retire_with_a_lost_key"

start_daemon "$ws"
contains "otaserve_without_a_product_says_so" "$(cat "$tmp/daemon.out")" ", no product in ota.conf; otactl product add makes one)"
stop_daemon

fails "product_retire_of_none" 1 "otactl product add" ctl product retire kitchen --yes

# ---- nothing half-done ----
conf=$(cat "$ws/ota.conf")
fails "product_add_with_a_section_in_channels" 2 "--channels" ctl product add bulb --chip esp32c3 --channels $'beta\n[product evil]'
is "product_add_refused_made_nothing" "$(cat "$ws/ota.conf"; ls "$ws/state/drafts"; find "$ws/keys" -name 'bulb*')" "$conf"
printf '\n[product bulb]\nchip = esp32\n' >>"$ws/ota.conf"
fails "product_add_for_another_chip_than_its_section" 1 "with the chip esp32: change it there" ctl product add bulb --chip esp32c3
printf '%s\n' "$conf" >"$ws/ota.conf"
is "product_add_for_another_chip_made_nothing" "$(ls "$ws/state/drafts"; find "$ws/keys" -name 'bulb*')" ""
fails "product_add_takes_no_key_of_another_role" 1 "is a key of targets already" ctl product add bulb --chip esp32c3 --key "$(ls "$ws"/keys/targets.*.pem)"
is "product_add_refused_left_no_draft" "$(ctl publish --json | jq -c .drafts)" "[]"

# ---- offline targets ----
mv "$ws"/keys/targets.*.pem "$safe/targets.pem"
ok "product_add_with_targets_away_waits" ctl product add gauge --chip esp32c6
contains "product_add_names_the_draft" "$out" 'draft "targets"'
is "product_add_that_waits_adds_no_section" "$(grep -c 'product gauge' "$ws/ota.conf")" 0
fails "push_of_a_product_that_waits" 1 "no [product NAME] section" ctl push "$build" --product gauge
ok "product_add_dropped" ctl publish --drop targets
ok "product_add_again_after_dropping" ctl product add gauge --chip esp32c6 --channels "early stable"
fails "product_add_of_bad_channels_makes_no_draft" 2 "--channels" ctl product add meter --chip esp32c6 --channels "Not/A/Channel"
fails "root_rotate_rollout_joins_no_unsigned_change" 1 "not signed yet" ctl publish targets
fails "root_sign_with_a_key_of_no_use" 1 "nothing was signed" ctl root sign --key "$safe/ann.pem"
ok "root_sign_of_targets" ctl root sign --key "$safe/targets.pem"
ok "publish_of_targets" ctl publish targets
follows "product_add_with_targets_away"
contains "product_add_section_comes_with_its_publication" "$(cat "$ws/ota.conf")" "channels = early stable"

# ---- two at the same moment ----
for n in 1 2 3; do
    new_key "$safe/at-once-$n.pem"
    ctl root add-key targets "$safe/at-once-$n.pem.pub" >"$tmp/at-once-$n" 2>&1 &
done
wait
is "root_changes_at_once_lose_none" "$(ctl publish | grep -o 'targets gets the key' | wc -l)" 3
done_testing
