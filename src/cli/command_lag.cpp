#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/service.h"
#include "cli/table.h"
#include "cli/units.h"
#include "estate/quantities.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

using nlohmann::json;

std::string Number(const json& value, const char* format) {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>()) : "";
}

// What is the matter with a slot, and its limit.
std::string HealthNote(const json& slot) {
  const std::string health = slot.at("health");
  const auto limit = [&](const char* key) {
    return estate::FormatSize(slot.at(key).get<std::int64_t>());
  };
  std::string note;
  if (health == "above_max_retained_wal") {
    note = "more than max_retained_wal, " + limit("max_retained_bytes");
  } else if (health == "above_drop_slot_above") {
    note = "more than drop_slot_above, " + limit("drop_above_bytes") + ": it is dropped";
  } else if (health == "unreserved") {
    note = "the server may remove it at its next checkpoint";
  } else if (health == "lost") {
    note = "the server has removed what was not read: the tables are repaired";
  }
  return note.empty() ? note : Styled(stdout, "1;31", " (" + note + ")");
}

// "equal 2026-11-25T10:00:00Z"; "" for one that was never verified.
std::string Verified(const json& row) {
  const json verification = row.value("verification", json());
  if (verification.is_null()) return "";
  const std::string at = verification.at("verified_at");
  return server::ToldOfVerification(verification) + " " + at.substr(0, 19) + "Z";
}

void PrintLag(const json& document) {
  const json& integrations = document.at("integrations");
  const bool any_verified = std::any_of(integrations.begin(), integrations.end(),
                                        [](const json& row) { return !Verified(row).empty(); });
  std::vector<Table::Heading> headings = {{"integration"},
                                          {"state"},
                                          {"changes", Align::kRight},
                                          {"lag, bytes", Align::kRight},
                                          {"lag, s", Align::kRight},
                                          {"latency, s", Align::kRight},
                                          {"error"}};
  if (any_verified) headings.push_back({"verified"});
  Table table(std::move(headings));
  for (const json& row : integrations) {
    const json& bytes = row.at("lag_bytes");
    std::string state = row.at("state");
    const auto kept = row.at("kept_bytes").get<std::int64_t>();
    if (kept > 0) state += ", " + estate::FormatSize(kept) + " kept";
    std::vector<std::string> cells = {
        row.at("integration"),
        state,
        FormatCount(row.at("changes").get<std::uint64_t>()),
        bytes.is_number() ? FormatCount(bytes.get<std::uint64_t>()) : "",
        Number(row.at("lag_seconds"), "{:.1f}"),
        Number(row.at("latency_seconds"), "{:.3f}"),
        row.at("error").is_string() ? row.at("error").get<std::string>() : ""};
    if (any_verified) cells.push_back(Verified(row));
    table.Add(std::move(cells));
  }
  fmt::print("{}", table.ToString());
  for (const json& row : document.at("integrations")) {
    const auto letters = row.at("dead_letters").get<std::uint64_t>();
    if (letters == 0) continue;
    fmt::print("{}: {} rows among the dead letters\n", row.at("integration").get<std::string>(),
               FormatCount(letters));
  }
  for (const json& slot : document.at("slots")) {
    const std::string name = slot.at("slot");
    if (slot.contains("error")) {
      fmt::print("slot {}: {}\n", name, slot.at("error").at("message").get<std::string>());
    } else {
      fmt::print("slot {}: {}, keeps {} of log{}\n", name, slot.at("wal_status").get<std::string>(),
                 estate::FormatSize(slot.at("retained_bytes").get<std::int64_t>()),
                 HealthNote(slot));
    }
  }
}

void PrintInbox(const json& document) {
  const json& inbox = document.at("inbox");
  if (inbox.is_null()) return;
  fmt::print("\ninbox at http://{}, {} waiting\n", inbox.at("listen").get<std::string>(),
             estate::FormatSize(inbox.at("pending_bytes").get<std::int64_t>()));
}

void PrintPubsub(const json& document) {
  const json& pubsub = document.at("pubsub");
  if (pubsub.at("listen").is_string()) {
    fmt::print("Pub/Sub's publishers at {}\n", pubsub.at("listen").get<std::string>());
  }
  if (pubsub.at("subscriptions").empty()) return;
  Table table({{"subscription"}, {"received", Align::kRight}, {"not acknowledged", Align::kRight}});
  for (const json& row : pubsub.at("subscriptions")) {
    table.Add({row.at("subscription"), FormatCount(row.at("received").get<std::uint64_t>()),
               FormatCount(row.at("outstanding").get<std::uint64_t>())});
  }
  fmt::print("\n{}", table.ToString());
  for (const json& row : pubsub.at("subscriptions")) {
    if (!row.at("error").is_string()) continue;
    fmt::print("{}: {}\n", row.at("topic").get<std::string>(), row.at("error").get<std::string>());
  }
}

void PrintTriggered(const json& document) {
  if (document.at("triggered").empty()) return;
  Table table({{"integration"},
               {"on"},
               {"state"},
               {"pending", Align::kRight},
               {"runs", Align::kRight},
               {"rows", Align::kRight},
               {"last run"},
               {"error"}});
  for (const json& row : document.at("triggered")) {
    const auto text = [&](const char* key) {
      return row.at(key).is_string() ? row.at(key).get<std::string>() : std::string();
    };
    const auto count = [&](const char* key) {
      return FormatCount(row.at(key).get<std::uint64_t>());
    };
    table.Add({text("integration"), text("on") + " " + text("subject"), text("state"),
               count("pending"), count("runs"), count("rows"), text("last_run_at"), text("error")});
  }
  fmt::print("\n{}", table.ToString());
}

Result<int> Lag(const GlobalFlags& flags) {
  AFL_ASSIGN(const auto service, FindService(flags));
  AFL_ASSIGN(const json document, service->Get("/api/lag"));
  if (flags.json) {
    fmt::print("{}\n", document.dump(2));
  } else {
    PrintLag(document);
    PrintTriggered(document);
    PrintInbox(document);
    PrintPubsub(document);
  }
  return kOk;
}

Result<int> Act(const GlobalFlags& flags, const std::vector<std::string>& names,
                const std::string& action) {
  AFL_ASSIGN(const auto service, FindService(flags));
  for (const std::string& name : names) {
    AFL_TRY(service->Post("/api/integrations/" + name + "/" + action, json::object()));
  }
  if (flags.json) fmt::print("{}\n", json{{action, names}}.dump(2));
  return kOk;
}

void AddAction(const CommandContext& context, const std::string& name, const std::string& summary,
               const std::string& examples) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      AddCommand(context, name, summary, examples,
                 [&flags = context.flags, names, name] { return Act(flags, *names, name); });
  command->add_option("JOB", *names, "Names of jobs")->required();
}

}  // namespace

void AddLagCommand(const CommandContext& context) {
  AddCommand(context, "lag", "Show how far followed integrations are behind their source",
             "  afluente lag\n  afluente lag --json",
             [&flags = context.flags] { return Lag(flags); });
}

void AddPauseCommands(const CommandContext& context) {
  AddAction(context, "pause",
            "Stop following an integration, or a job's schedule; the others go on",
            "  afluente pause contacts\n"
            "Changes of what is followed are kept on disk meanwhile, as far as max_spool of its\n"
            "connection allows. What a schedule says meanwhile is let go.");
  AddAction(context, "resume", "Let a paused or failed job go on",
            "  afluente resume contacts\n"
            "Changes that were kept are applied; a table with more than that is compared and\n"
            "repaired.");
  AddAction(context, "resync", "Copy the table of a followed integration again",
            "  afluente resync contacts\n"
            "The table stays readable; the copy takes its place in one commit.");
}

}  // namespace afluente::cli
