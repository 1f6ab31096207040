# shellcheck shell=bash
# Kills runs at random moments and compares afterwards (tests/chaos/); says what each kill met. Arguments go to ctest.
# AFLUENTE_CHAOS_KILLS=N and AFLUENTE_CHAOS_SEED=N choose how many and which; AFLUENTE_CHAOS_SECONDS=N and
# AFLUENTE_CHAOS_CRASHES=N how long changes are made and how often the server crashes (chaos.cdc).

# shellcheck source=scripts/cmd-test.sh
source scripts/cmd-test.sh

cmd_chaos() {
  export AFLUENTE_CHAOS_SECONDS=${AFLUENTE_CHAOS_SECONDS:-600}
  export AFLUENTE_CHAOS_KILLS=${AFLUENTE_CHAOS_KILLS:-100}
  export AFLUENTE_CHAOS_CRASHES=${AFLUENTE_CHAOS_CRASHES:-5}
  run_tests release -R '^chaos\.' --verbose "$@"
}
