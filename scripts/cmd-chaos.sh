# shellcheck shell=bash
# Kills runs at random moments and compares afterwards (tests/chaos/); says what each kill met. Arguments go to ctest.
# AFLUENTE_CHAOS_KILLS=N and AFLUENTE_CHAOS_SEED=N choose how many and which; AFLUENTE_CHAOS_SECONDS=N how long
# changes are made (chaos.cdc).

# shellcheck source=scripts/cmd-test.sh
source scripts/cmd-test.sh

cmd_chaos() { run_tests release -R '^chaos\.' --verbose "$@"; }
