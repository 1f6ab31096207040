// The words of every enum, once: YAML, JSON Schema, reference page and NameOf read them here.
#pragma once

#include <optional>
#include <string_view>

#include "estate/estate.h"

namespace afluente::estate {

template <class E>
struct Word {
  std::string_view word;
  E value;
  std::string_view doc;
};

/// `kAll<E>` is the table of E's words, in the order in which people should read them.
template <class E>
inline constexpr Word<E> kAll[] = {};

template <>
inline constexpr Word<Mode> kAll<Mode>[] = {
    {"snapshot", Mode::kSnapshot, "reads everything at each run"},
    {"incremental", Mode::kIncremental, "reads the rows beyond the cursor of the last run"},
    {"cdc", Mode::kCdc, "follows the source's log of changes"},
    {"event", Mode::kEvent, "runs for each event of its trigger"},
    {"stream", Mode::kStream, "follows a topic"},
};

template <>
inline constexpr Word<Write> kAll<Write>[] = {
    {"append", Write::kAppend, "adds rows; with cdc, of a table without a key"},
    {"replace", Write::kReplace, "puts the new rows in the place of all old ones, in one commit"},
    {"upsert", Write::kUpsert, "replaces the rows with the same key and adds the others"},
};

template <>
inline constexpr Word<Mask> kAll<Mask>[] = {
    {"hash", Mask::kHash, "a keyed hash: equal values stay equal; needs the estate's mask_salt"},
    {"redact", Mask::kRedact, "a fixed text in the place of every value"},
    {"last4", Mask::kLast4, "only the last four characters stay"},
    {"null", Mask::kNull, "no value at all"},
};

template <>
inline constexpr Word<OnSchemaChange> kAll<OnSchemaChange>[] = {
    {"evolve", OnSchemaChange::kEvolve, "follows: adds new columns, widens types"},
    {"fail", OnSchemaChange::kFail, "fails the run"},
    {"ignore", OnSchemaChange::kIgnore, "goes on with the columns that were known"},
};

template <>
inline constexpr Word<OnBadRow> kAll<OnBadRow>[] = {
    {"fail", OnBadRow::kFail, "fails the run"},
    {"dead_letter", OnBadRow::kDeadLetter, "puts the row with its reason into a dead-letter table"},
};

template <>
inline constexpr Word<Origin> kAll<Origin>[] = {
    {"any", Origin::kAny, "every change"},
    {"none", Origin::kNone,
     "not those that afluente's own reverse ETL wrote, or that came to the database by "
     "replication"},
};

template <>
inline constexpr Word<Form> kAll<Form>[] = {
    {"mirror", Form::kMirror, "the destination looks like the source"},
    {"soft_delete", Form::kSoftDelete,
     "deleted rows stay, with the time of their deletion in `_deleted_at`"},
    {"history", Form::kHistory,
     "every change is a row of its own, with `_op`, `_lsn`, `_ordinal`, `_committed_at`"},
};

template <>
inline constexpr Word<Deletes> kAll<Deletes>[] = {
    {"ignore", Deletes::kIgnore, "rows that left the source stay in the destination"},
    {"delete", Deletes::kDelete, "rows that left the source are deleted from the destination"},
};

template <>
inline constexpr Word<Gap> kAll<Gap>[] = {
    {"shift", Gap::kShift, "at the first moment after the gap"},
    {"skip", Gap::kSkip, "not at all"},
};

template <>
inline constexpr Word<Overlap> kAll<Overlap>[] = {
    {"first", Overlap::kFirst, "the first time only"},
    {"last", Overlap::kLast, "the second time only"},
    {"both", Overlap::kBoth, "both times"},
};

template <>
inline constexpr Word<AlertLevel> kAll<AlertLevel>[] = {
    {"info", AlertLevel::kInfo, "for the record"},
    {"warning", AlertLevel::kWarning, "to be looked at in working hours"},
    {"critical", AlertLevel::kCritical, "to be looked at now"},
};

template <>
inline constexpr Word<ConnectionType> kAll<ConnectionType>[] = {
    {"postgres", ConnectionType::kPostgres, "a PostgreSQL database"},
    {"pubsub", ConnectionType::kPubsub, "the Pub/Sub topics of a project"},
    {"http", ConnectionType::kHttp, "an HTTP endpoint"},
    {"object_store", ConnectionType::kObjectStore, "a bucket"},
};

template <>
inline constexpr Word<PubsubEngine> kAll<PubsubEngine>[] = {
    {"inbox", PubsubEngine::kInbox, "the inbox of `serve`: whoever publishes posts to it"},
    {"pubsub", PubsubEngine::kPubsub,
     "Google's Pub/Sub, or the emulator that "
     "`PUBSUB_EMULATOR_HOST` names"},
};

template <>
inline constexpr Word<WarehouseEngine> kAll<WarehouseEngine>[] = {
    {"duckdb", WarehouseEngine::kDuckdb, "embedded: one database file a project"},
    {"bigquery", WarehouseEngine::kBigquery, "for those who outgrow one machine"},
};

template <>
inline constexpr Word<Materialize> kAll<Materialize>[] = {
    {"table", Materialize::kTable, "built anew at each run, then put in the place of the old one"},
    {"view", Materialize::kView, "nothing is stored: whoever asks runs the SELECT"},
    {"incremental", Materialize::kIncremental,
     "rows of the result replace those with the same key, or of the same partition"},
};

template <>
inline constexpr Word<Severity> kAll<Severity>[] = {
    {"error", Severity::kError, "the table is not published, and the run fails"},
    {"warn", Severity::kWarn, "the run says so and goes on"},
};

template <>
inline constexpr Word<TriggerRule> kAll<TriggerRule>[] = {
    {"all_success", TriggerRule::kAllSuccess, "all tasks before it succeeded"},
    {"all_done", TriggerRule::kAllDone, "all tasks before it ended, however they did"},
    {"all_failed", TriggerRule::kAllFailed, "all tasks before it failed"},
    {"one_success", TriggerRule::kOneSuccess, "one has succeeded; the others are not waited for"},
    {"one_failed", TriggerRule::kOneFailed, "one has failed; the others are not waited for"},
    {"none_failed", TriggerRule::kNoneFailed, "all tasks before it succeeded or were skipped"},
};

template <>
inline constexpr Word<CatchUp> kAll<CatchUp>[] = {
    {"latest", CatchUp::kLatest, "the newest is made up for"},
    {"all", CatchUp::kAll, "every one within catch_up_window is made up for, oldest first"},
    {"none", CatchUp::kNone, "they are let go"},
};

template <>
inline constexpr Word<RunOverlap> kAll<RunOverlap>[] = {
    {"queue", RunOverlap::kQueue, "it waits for its turn"},
    {"skip", RunOverlap::kSkip, "it is skipped"},
    {"cancel_previous", RunOverlap::kCancelPrevious, "the one that runs is cancelled"},
    {"allow", RunOverlap::kAllow, "they run beside each other, at most max_active_runs"},
};

template <>
inline constexpr Word<ParameterType> kAll<ParameterType>[] = {
    {"text", ParameterType::kText, "any text"},
    {"integer", ParameterType::kInteger, "a whole number"},
    {"number", ParameterType::kNumber, "a number"},
    {"flag", ParameterType::kFlag, "true or false"},
    {"date", ParameterType::kDate, "a day, such as 2026-03-01"},
};

template <class E>
constexpr std::string_view WordFor(E value) {
  for (const Word<E>& word : kAll<E>) {
    if (word.value == value) return word.word;
  }
  return "";
}

template <class E>
constexpr std::optional<E> ParseWord(std::string_view text) {
  for (const Word<E>& word : kAll<E>) {
    if (word.word == text) return word.value;
  }
  return std::nullopt;
}

}  // namespace afluente::estate
