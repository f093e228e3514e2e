#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Expiry as people meet it: status, /healthz and the daemon's log, with the clock set forward.
. tests/tap.sh
. tests/net/board.sh
. tests/net/later.sh

make_fleet esp32c3 || exit 1
# A little later than N whole days on, so that the second of signing does not matter.
warnings() { in_days "$1.1" otactl -C "$ws" status --json | jq -r '.warnings[]'; }
# Whole days left an hour from now, for the same reason.
days_left() { otactl -C "$ws" status --json | jq ".roles[] | select(.name == \"$1\") | (.expires | fromdate) - now - 3600 | . / 86400 | floor"; }
root_days=$(days_left root)

# ---- status: a role that a person must renew, at each threshold ----
mkdir "$tmp/away" && mv "$ws"/keys/targets.pem "$tmp/away/"
targets_days=$(days_left targets)
for case in '61|' '59|less than 60 days' '31|less than 60 days' '29|less than 30 days' '8|less than 30 days' '6|in 6 days' '1|in 1 day,' '-1|expired on'; do
    left=${case%%|*} wanted=${case#*|}
    got=$(warnings $((targets_days - left)) | grep '^role targets')
    if [ -z "$wanted" ]; then is "expiry_status_is_silent_at_$left" "$got" ''; else
        contains "expiry_status_at_$left" "$got" "role targets expire" && contains "expiry_status_at_${left}_says_when" "$got" "$wanted"
        contains "expiry_status_at_${left}_says_what_to_do" "$got" "otactl renew targets --key"
    fi
done
mv "$tmp/away/targets.pem" "$ws/keys/"
contains expiry_status_of_the_root "$(warnings $((root_days - 20)))" "role root expires in less than 30 days"
contains expiry_status_of_the_certificate "$(warnings $((root_days - 20)))" "certificate keys/server.crt expires in less than"
contains expiry_status_of_the_timestamp "$(warnings 4)" "role timestamp expires in 2 days"

# ---- the daemon, with the targets key away ----
mv "$ws"/keys/targets.pem "$tmp/away/"
health() { curl -sk "$daemon_url/healthz" | jq -r "$1"; }
in_days $((targets_days - 20)) start_daemon "$ws" || exit 1
is expiry_health_warns "$(health .status)" warning
contains expiry_health_says_what "$(health '.reasons[].text')" "role targets expires in less than 30 days"
is expiry_health_has_the_holder "$(health '.roles[] | select(.name == "targets") | "\(.holder) \(.keys_here) \(.threshold) \(.renewed)"')" "elsewhere 0 1 false"
is expiry_health_has_a_holder_here "$(health '.roles[] | select(.name == "root") | .holder')" "keys/root.pem"
contains expiry_log_says_it "$(cat "$tmp/daemon.log")" "role targets expires in less than 30 days"
is expiry_log_says_it_once "$(grep -c 'role targets expires' "$tmp/daemon.log")" 1
contains expiry_log_names_the_next "$(cat "$tmp/daemon.log")" "the next role that only a person can renew is targets"
# A key that comes back is noticed without a restart.
mv "$tmp/away/targets.pem" "$ws/keys/" && kill -HUP "$daemon_pid"
for _ in $(seq 100); do
    [ "$(health '.roles[] | select(.name == "targets") | .holder')" = keys/targets.pem ] && break
    sleep 0.1
done
is expiry_health_notices_a_key_that_came_back "$(health '.roles[] | select(.name == "targets") | .holder')" keys/targets.pem
stop_daemon

# ---- renew ----
role() { in_days "$1" otactl -C "$ws" status --json | jq -r ".roles[] | select(.name == \"$2\") | .$3"; }
now=$((targets_days - 20))
mv "$ws"/keys/targets.pem "$tmp/away/"
ok renew_root_at_any_time in_days "$now" otactl -C "$ws" renew root
is renew_root_is_the_next "$(role "$now" root version)" 2
contains renew_says_that_nothing_is_due "$(otactl -C "$ws" renew)" "Nothing has to be renewed yet"
fails renew_refuses_online_roles 2 "renewed by otaserve" otactl -C "$ws" renew snapshot
fails renew_refuses_unknown_roles 2 "no role" otactl -C "$ws" renew lamp
fails renew_refuses_a_wrong_key 1 "no role here names the key" otactl -C "$ws" renew targets --key "$ws/keys/thermo.pem"
ok renew_without_the_key_leaves_a_draft in_days "$now" otactl -C "$ws" renew
contains renew_prints_the_commands "$out" "otactl publish renew-targets"
before=$(role "$now" targets version)
ok renew_with_the_key in_days "$now" otactl -C "$ws" renew targets --key "$tmp/away/targets.pem" --expires 400d
is renew_is_the_next_version "$(role "$now" targets version)" $((before + 1))
days=$(role "$now" targets days_left)
[ "$days" -eq 400 ] || [ "$days" -eq 399 ]
is renew_lasts_as_told "$?" 0
ok renew_verifies in_days "$now" otactl verify "$ws/state/repo"
done_testing
