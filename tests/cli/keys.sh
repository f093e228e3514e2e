#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl keys: list, new, backup, restore, and the way of root's, targets' and products' keys off the machine.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws stick=$tmp/stick pass=$tmp/passphrase wrong=$tmp/wrong
mkdir "$stick"
(umask 077 && echo 'four words of mine' >"$pass" && echo 'five words of yours' >"$wrong")
otadevice sample "$tmp/build" --chip esp32c3 --version 1.0.0 >/dev/null
keyid_of() { openssl pkey -in "$1" -pubout | openssl dgst -sha256 | sed 's/.* //'; } # of its PEM: enough to compare
verify() { otactl verify "$ws/state/repo" --root "$tmp/1.root.json" >/dev/null; }
key() { otactl -C "$ws" keys "$@"; }

# ---- init ----
ok keys_init_backs_up_at_once otactl init "$ws" --product thermo --chip esp32c3 --product valve --chip esp32c3 \
    --url https://localhost:1 --backup "$stick/root.backup" --passphrase-file "$pass"
contains keys_init_says_where "$out" "$stick/root.backup holds root's key, encrypted and read back"
is keys_init_backup_is_private "$(stat -c %a "$stick/root.backup")" 600
is keys_init_backup_opens_with_openssl \
    "$(openssl pkey -in "$stick/root.backup" -passin "file:$pass" -pubout)" "$(openssl pkey -in "$ws/keys/root.pem" -pubout)"
cp "$ws/state/repo/metadata/1.root.json" "$tmp/1.root.json"
ok keys_init_without_backup_names_the_command otactl init "$tmp/other" --product thermo --chip esp32c3
contains keys_init_shows_the_backup_command "$out" "otactl -C $tmp/other keys backup -o FILE"
contains keys_init_says_what_losing_root_means "$out" "flashed by hand"
fails keys_init_backup_that_exists 1 "never overwritten" otactl init "$tmp/third" --product thermo --chip esp32c3 \
    --backup "$stick/root.backup" --passphrase-file "$pass"
fails keys_init_backup_into_the_workspace 1 "$tmp/third/: cannot put a file there" otactl init "$tmp/third" --product thermo --chip esp32c3 \
    --backup "$tmp/third/b" --passphrase-file "$pass"
fails keys_init_passphrase_without_backup 2 "add --backup FILE" otactl init "$tmp/third" --product thermo --chip esp32c3 --passphrase-file "$pass"
is keys_init_refused_made_nothing "$(ls -d "$tmp/third" 2>/dev/null)" ""
fails keys_init_backup_without_passphrase 1 "--passphrase-file" otactl init "$tmp/third" --product thermo --chip esp32c3 --backup "$tmp/b"

# ---- list ----
ok keys_list key list
contains keys_list_has_the_columns "$out" "ROLE"
is keys_list_json_names_each_role "$(key list --json | jq -r '[.roles[].name] | join(" ")')" "root targets thermo valve rollout snapshot timestamp"
is keys_list_json_knows_the_files "$(key list --json | jq -r '[.roles[].keys[].file] | join(" ")')" \
    "root.pem targets.pem thermo.pem valve.pem rollout.pem snapshot.pem timestamp.pem"
ok keys_new_for_nobody otactl keys new -o "$ws/keys/thermo.spare.pem"
is keys_list_shows_a_key_that_no_role_names "$(key list --json | jq -r '.unused[].file')" thermo.spare.pem
rm "$ws/keys/thermo.spare.pem" "$ws/keys/thermo.spare.pem.pub"

# ---- new ----
ok keys_new_plain otactl keys new -o "$tmp/plain.pem"
contains keys_new_plain_says_so "$out" "not encrypted"
is keys_new_is_private "$(stat -c %a "$tmp/plain.pem")" 600
is keys_new_public_half "$(openssl pkey -in "$tmp/plain.pem" -pubout)" "$(cat "$tmp/plain.pem.pub")"
ok keys_new_encrypted otactl keys new -o "$tmp/sealed.pem" --passphrase-file "$pass"
contains keys_new_encrypted_is_encrypted "$(head -1 "$tmp/sealed.pem")" "BEGIN ENCRYPTED PRIVATE KEY"
fails keys_new_never_overwrites 1 "never overwritten" otactl keys new -o "$tmp/plain.pem"
fails keys_new_wants_a_place 2 "keys new -o FILE" otactl keys new
(umask 077 && echo short >"$tmp/short")
fails keys_new_short_passphrase 1 "shorter than 8" otactl keys new -o "$tmp/x.pem" --passphrase-file "$tmp/short"
fails keys_new_encrypt_without_terminal 1 "no terminal" otactl keys new -o "$tmp/x.pem" --encrypt
is keys_new_refused_left_nothing "$(ls "$tmp"/x.pem* 2>/dev/null)" ""

# ---- backup and restore ----
ok keys_backup_of_three key backup -o "$stick/three" --passphrase-file "$pass" root targets thermo
is keys_backup_holds_three "$(grep -c 'BEGIN ENCRYPTED PRIVATE KEY' "$stick/three")" 3
is keys_backup_holds_nothing_plain "$(grep -c 'BEGIN PRIVATE KEY' "$stick/three")" 0
fails keys_backup_holds_no_tls_keys 2 "copy keys/tls-*.pem yourself" key backup -o "$stick/tls" --passphrase-file "$pass" tls-ca
fails keys_backup_never_overwrites 1 "never overwritten" key backup -o "$stick/three" --passphrase-file "$pass"
fails keys_backup_into_the_workspace 1 "lies in the workspace" key backup -o "$ws/keys/backup" --passphrase-file "$pass"
fails keys_backup_of_nobody 1 "no key of it" key backup -o "$stick/none" --passphrase-file "$pass" elsewhere
echo 'four words of mine' >"$tmp/open" && chmod 644 "$tmp/open"
fails keys_backup_passphrase_open_to_others 1 "chmod 600" key backup -o "$stick/none" --passphrase-file "$tmp/open"
is keys_backup_refused_left_nothing "$(ls "$stick")" "$(printf 'root.backup\nthree')"
old=$(keyid_of "$ws/keys/thermo.pem")
rm "$ws/keys/thermo.pem" "$ws/keys/root.pem"
fails keys_restore_wrong_passphrase 1 "passphrase does not open it" key restore "$stick/three" --passphrase-file "$wrong"
ok keys_restore_one_role key restore "$stick/three" thermo --passphrase-file "$pass"
is keys_restore_took_that_role_only "$(keyid_of "$ws/keys/thermo.pem")$(ls "$ws/keys/root.pem" 2>/dev/null)" "$old"
ok keys_restore_all key restore "$stick/three" --passphrase-file "$pass"
contains keys_restore_leaves_what_is_there "$out" "thermo.pem"
is keys_restore_makes_a_plain_private_file "$(stat -c %a "$ws/keys/root.pem") $(head -1 "$ws/keys/root.pem")" "600 -----BEGIN PRIVATE KEY-----"
ok keys_restored_keys_sign otactl -C "$ws" push "$tmp/build" --product thermo
ok keys_restored_is_what_boards_trust verify
fails keys_restore_of_another_workspace 1 "no role of this workspace names" otactl -C "$tmp/other" keys restore "$stick/three" --passphrase-file "$pass"
mv "$ws/keys/thermo.pem" "$tmp/thermo.kept" && openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$ws/keys/thermo.pem" 2>/dev/null
chmod 600 "$ws/keys/thermo.pem" && foreign=$(keyid_of "$ws/keys/thermo.pem")
ok keys_restore_beside_another_key key restore "$stick/three" thermo --passphrase-file "$pass"
is keys_restore_never_overwrites "$(keyid_of "$ws/keys/thermo.pem")" "$foreign"
is keys_restore_took_another_name "$(keyid_of "$ws"/keys/thermo.????????.pem)" "$old"
rm "$ws"/keys/thermo.????????.pem && mv "$tmp/thermo.kept" "$ws/keys/thermo.pem"

# ---- off the machine, step by step ----
for online in snapshot timestamp rollout; do
    fails "keys_move_refuses_$online" 1 "its key stays" key move-offline $online --to "$stick/$online" --passphrase-file "$pass"
done
fails keys_move_into_the_workspace 1 "lies in the workspace" key move-offline thermo --to "$ws/thermo.pem" --passphrase-file "$pass"
fails keys_move_of_no_role 1 "keys list" key move-offline nobody --to "$stick/nobody" --passphrase-file "$pass"
fails keys_move_without_passphrase 1 "--passphrase-file" key move-offline thermo --to "$stick/thermo.pem"
is keys_move_refused_took_nothing "$(ls "$stick" | tr '\n' ' ')$(ls "$ws/keys/thermo.pem")" "root.backup three $ws/keys/thermo.pem"
ok keys_boards_trust_it_before verify
start_daemon "$ws" || tap_result 1 keys_daemon_starts
for role in thermo valve targets root; do
    before=$(cat "$ws"/state/repo/metadata/*.root.json "$ws"/state/repo/metadata/*.targets.json | sha256sum)
    ok "keys_move_${role}_offline" key move-offline $role --to "$stick/$role.pem" --passphrase-file "$pass"
    case $role in thermo) next='move-offline valve' ;; valve) next='move-offline targets' ;; targets) next='move-offline root' ;; root) next='All offline keys are away' ;; esac
    contains "keys_move_${role}_says_what_is_next" "$out" "$next"
    is "keys_move_${role}_is_gone" "$(ls "$ws"/keys/$role.pem 2>/dev/null)" ""
    contains "keys_move_${role}_copy_is_encrypted" "$(head -1 "$stick/$role.pem")" "BEGIN ENCRYPTED PRIVATE KEY"
    is "keys_move_${role}_changed_no_metadata" "$(cat "$ws"/state/repo/metadata/*.root.json "$ws"/state/repo/metadata/*.targets.json | sha256sum)" "$before"
    ok "keys_move_${role}_boards_do_not_notice" otactl verify "$daemon_url" --root "$tmp/1.root.json" --ca "$ws/keys/ca.crt"
done
stop_daemon
fails keys_move_what_is_away 1 "keys/root.pem: is not here" key move-offline root --to "$stick/again" --passphrase-file "$pass"
is keys_list_knows_what_is_elsewhere "$(key list --json | jq -r '[.roles[] | select(.keys[0].where == "elsewhere") | .name] | join(" ")')" "root targets thermo valve"
fails keys_push_without_the_key 1 "thermo" otactl -C "$ws" push "$tmp/build" --product thermo
ok keys_moved_key_comes_back key restore "$stick/thermo.pem" --passphrase-file "$pass"
ok keys_moved_key_that_came_back_signs otactl -C "$ws" push "$tmp/build" --product thermo
ok keys_boards_trust_it_after verify

# ---- asked on a terminal ----
terminal() { # answers..., then -- command: types one answer at each prompt, and prints what the terminal showed
    python3 - "$@" <<'PY'
import os, pty, select, sys, time
cut = sys.argv.index("--")
answers, command = sys.argv[1:cut], sys.argv[cut + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = seen = b""
while True:
    ready = select.select([fd], [], [], 60)[0]
    try:
        data = os.read(fd, 4096) if ready else b""
    except OSError:
        data = b""
    if not data:
        break
    shown += data
    seen += data
    if seen.rstrip(b" ").endswith(b":") and answers:
        time.sleep(0.3)  # echo goes off after the prompt
        os.write(fd, answers.pop(0).encode() + b"\n")
        seen = b""
rc = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.write(shown.decode(errors="replace").replace("\r", ""))
sys.exit(rc)
PY
}
ok keys_terminal_asks_twice terminal 'four words here' 'four words here' -- otactl keys new -o "$tmp/asked.pem" --encrypt
case $out in *words*) tap_result 1 keys_terminal_shows_no_passphrase ;; *) tap_result 0 keys_terminal_shows_no_passphrase ;; esac
is keys_terminal_passphrase_opens "$(openssl pkey -in "$tmp/asked.pem" -passin 'pass:four words here' -noout && echo yes)" yes
ok keys_terminal_asks_again_when_they_differ terminal 'four words here' 'five words here' 'four words here' 'four words here' -- \
    otactl keys new -o "$tmp/asked2.pem" --encrypt
ok keys_init_offers_the_backup terminal "$stick/offered" 'four words here' 'four words here' -- \
    otactl init "$tmp/offered" --product thermo --chip esp32c3
contains keys_init_offer_says_what_losing_root_means "$out" "flashed by hand"
is keys_init_offered_backup_is_there "$(openssl pkey -in "$stick/offered" -passin 'pass:four words here' -noout && echo yes)" yes
ok keys_init_offer_may_be_left terminal '' -- otactl init "$tmp/left" --product thermo --chip esp32c3
contains keys_init_offer_left_names_the_command "$out" "keys backup -o FILE"

done_testing
