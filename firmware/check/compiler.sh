#!/bin/bash
# Stands in for a compiler of Espressif's; check.sh fills in which.
words=()
for word; do
    case $word in
    -dumpmachine) echo @machine@ && exit ;;
    -march=* | -mabi=* | -mtune=* | -mcpu=* | @* | -mlongcalls | -mdisable-hardware-atomics | -mno-* | -mdynconfig=*) ;;
    -std=gnu23) words+=(-std=gnu2x) ;;
    *) words+=("$word") ;;
    esac
done
exec @compiler@ @defines@ -march=rv32imac -mabi=ilp32 "${words[@]}" -isystem @libc@ -isystem /usr/lib/picolibc/riscv64-unknown-elf/include
