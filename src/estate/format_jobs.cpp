// What the format says of all jobs: when they run, how they are tried, what they promise.
#include "estate/format_fields.h"

namespace afluente::estate {
namespace {

std::vector<Field> WithInboxKeys(std::vector<Field> fields) {
  fields.push_back(Optional("key", OneOrList(kBodyPath),
                            "mode event: where in the body the values of destination.key stand, in "
                            "its order; only those rows are fetched. Without it everything is."));
  fields.push_back(
      Optional("secret", Scalar(kSecret), "What its senders sign with.", "the inbox's secret"));
  return fields;
}

// What both kinds of schedule say of their days.
std::vector<Field> WithDays(std::vector<Field> fields) {
  fields.push_back(
      Optional("except", OneOrList(kExcept), "Days of the zone on which it does not fire."));
  fields.push_back(Optional("from", Scalar(kDay), "The first day on which it fires."));
  fields.push_back(Optional("until", Scalar(kDay), "The last day on which it fires."));
  fields.push_back(
      Optional("jitter", Scalar(kDuration),
               "Each fire comes later by a part of it, the same part whenever it is computed. "
               "Shorter than the time between two fires.",
               "0s"));
  return fields;
}

Shape CronShape() {
  return Object(
      "trigger_cron",
      WithDays({Required("cron", Scalar(kCron), "When to run."),
                Optional("zone", Scalar(kZone), "The zone of the cron's times.",
                         "the estate's time_zone"),
                Optional("gap", WordsOf<Gap>("gap"),
                         "When it fires if its time does not exist, because clocks go forward.",
                         "shift; skip where the hour field is a wildcard"),
                Optional("overlap", WordsOf<Overlap>("overlap"),
                         "When it fires if its time comes twice, because clocks go back.",
                         "first; both where the hour field is a wildcard")}));
}

Shape EveryShape() {
  return Object(
      "trigger_every",
      WithDays({Required("every", Scalar(kDuration),
                         "How much time lies between two fires; at least 1s."),
                Optional("anchor", Scalar(kMoment),
                         "A moment that the fires are whole multiples of `every` away from.",
                         "1970-01-01T00:00:00Z"),
                Optional("zone", Scalar(kZone), "The zone of `except`, `from` and `until`.",
                         "the estate's time_zone")}));
}

Shape SlaShape() {
  return Object(
      "sla",
      {Optional("max_staleness", Scalar(kDuration),
                "How old the destination's data may be at any time."),
       Optional("max_duration", Scalar(kDuration), "How long a run may take."),
       Optional("deadline", Scalar(kClockTime),
                "The time of day by which the day's run must be done, in the trigger's zone."),
       Optional("alert", WordsOf<AlertLevel>("alert"), "How loud a breach is.", "warning")});
}

Shape PoolShape() {
  return OneOf("pool", {Scalar(kPoolName),
                        Object("pool_slots", {Required("name", Scalar(kPoolName), "The pool."),
                                              Optional("slots", Scalar(kCount),
                                                       "How many of its slots it takes.", "1")})});
}

std::vector<Field> RunPolicyFields() {
  return {
      Optional("catch_up", WordsOf<CatchUp>("catch_up"),
               "What becomes of times at which nobody was there to run it.", "latest"),
      Optional("catch_up_window", Scalar(kDuration),
               "catch_up: all: how far back they are made up for.", "7d"),
      Optional("on_overlap", WordsOf<RunOverlap>("on_overlap"),
               "What becomes of a run while the one before is running.", "queue"),
      Optional("max_active_runs", Scalar(kCount), "on_overlap: allow: how many at a time.", "1"),
      Optional("priority", Scalar(kCount), "Which goes first when slots are scarce: the higher.",
               "0")};
}

std::vector<Field> OwnerFields() {
  return {Optional("service_account", Scalar(kServiceAccount), "As whom it runs."),
          Optional("sla", SlaShape(), "What it promises; checked on a timer."),
          Optional("owner", Scalar(kText), "Who answers for it, such as an e-mail address."),
          Optional("tags", ListOf(Scalar(kTag)), "Words to group and find it by.")};
}

void Append(std::vector<Field>& fields, std::vector<Field> more) {
  for (Field& field : more) fields.push_back(std::move(field));
}

}  // namespace

Shape TriggerShape() {
  // The first field of an object picks the alternative (see check.cpp).
  const auto on = [](std::string word, std::string doc) {
    return Required("on", Words("", {{std::move(word), std::move(doc)}}), "The kind of event.");
  };
  return OneOf(
      "trigger",
      {Words("", {{"continuous", "runs all the time"}}), CronShape(), EveryShape(),
       ListOf(OneOf("", {CronShape(), EveryShape()})),
       Object("trigger_change", {on("change", "rows of a source table changed"),
                                 Optional("table", Scalar(kChangeTable), "The table to watch.",
                                          "the source's table")}),
       Object("trigger_asset", {on("asset", "a table of the warehouse was updated"),
                                Optional("table", Scalar(kWarehouseTable), "The table to watch.",
                                         "the source's warehouse_table")}),
       Object("trigger_webhook",
              WithInboxKeys(
                  {on("webhook", "somebody called a path of the inbox"),
                   Optional("path", Scalar(kWebhookPath), "The path.", "the source's webhook")})),
       Object("trigger_topic", WithInboxKeys({on("topic", "a message arrived in the inbox"),
                                              Optional("topic", Scalar(kTopic), "The topic.",
                                                       "the source's topic")}))});
}

std::vector<Field> TaskPolicyFields() {
  Shape kinds = Words("error_kind", {});
  for (const auto& [kind, doc] :
       {std::pair(ErrorKind::kInvalidConfig, "the estate, a flag or a DSN is wrong"),
        std::pair(ErrorKind::kUnauthorized, "credentials were refused, or a privilege is missing"),
        std::pair(ErrorKind::kNotFound, "a table, column, file or program does not exist"),
        std::pair(ErrorKind::kSchemaMismatch, "source and destination do not fit together"),
        std::pair(ErrorKind::kConversion,
                  "a value that the destination cannot hold, or a failed "
                  "data test"),
        std::pair(ErrorKind::kTransient, "network, restart, quota, deadlock"),
        std::pair(ErrorKind::kInternal, "anything else, such as the exit code of a command")}) {
    kinds.words.push_back({std::string(NameOf(kind)), doc});
  }
  return {Optional("retries", Scalar(kCount), "How many attempts follow the first one.",
                   "3 for integrations and models, else 0"),
          Optional("retry_delay", Scalar(kDuration), "Before the second attempt.", "30s"),
          Optional("retry_factor", Scalar(kNumber),
                   "Each delay is so many times the one before; a tenth at most is added, so that "
                   "not all come at once.",
                   "2"),
          Optional("max_retry_delay", Scalar(kDuration), "No delay is longer.", "10m"),
          Optional("retry_on", ListOf(std::move(kinds)), "Which failures are tried again.",
                   "transient for integrations and models, else all"),
          Optional("timeout", Scalar(kDuration), "How long an attempt may take.", "no end"),
          Optional("pool", PoolShape(), "Whose slots it takes while it runs.")};
}

std::vector<Field> WithJobKeys(std::vector<Field> fields, bool is_task) {
  Append(fields, RunPolicyFields());
  if (is_task) Append(fields, TaskPolicyFields());
  Append(fields, OwnerFields());
  return fields;
}

}  // namespace afluente::estate
