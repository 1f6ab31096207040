// Fire times against croner, an independent implementation in JavaScript with zones of its own
// (ICU), over 2018 and 2019 in zones whose clocks change at midnight, at other hours and by half an
// hour.
//
// croner has one policy for each cron: without a wildcard or step in minutes and hours it has fixed
// times (gap: shift, overlap: first), with one it goes on by intervals (gap: skip, overlap: both).
// We look at the hour field alone. So the defaults differ for a wildcard or step in the minutes of
// a fixed hour (*/20 0 * * *) and for a step without a wildcard (0 0-22/2 * * *): there the
// defaults are compared with what docs/schedules.md says, by writing the policy out, and croner
// with us when we are asked for croner's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "estate/quantities.h"
#include "orchestrator/schedule/schedule.h"
#include "support/process.h"
#include "support/temp_folder.h"

namespace afluente::test {
namespace {

using estate::Gap;
using estate::Overlap;
using nlohmann::json;

constexpr const char* kFixedTimes[] = {
    "0 0 * * *",     "30 0 * * *",     "15 1 * * *",      "0 2 * * *",       "30 2 * * *",
    "0 3 * * *",     "30 23 * * *",    "0 0,12 * * *",    "0 0,1 * * *",     "5,35 1,2 * * *",
    "0 8-18 * * *",  "59 23 * * *",    "0 22 * * 0",      "0 6 * * mon-fri", "0 0 1 * *",
    "0 0 31 * *",    "0 0 L * *",      "30 1 L * *",      "0 0 29 2 *",      "0 0 * * 5L",
    "0 0 * * 0#1",   "30 2 * * sun#2", "0 1 * * 7#3",     "0 0 13 * 5",      "0 0 1,15 * mon",
    "0 0 4 11 *",    "0 0 * 2,11 *",   "0 0 * jan-mar 6", "10-14 0 * * *",   "0 0 */10 * *",
    "30 1 * */3 sun"};
constexpr const char* kRhythms[] = {"* * * * *",    "*/15 * * * *",    "@hourly",
                                    "30 * * * *",   "0 */2 * * *",     "45 */3 * * *",
                                    "7-10 * * * *", "*/20 */6 * * *",  "0 * 1 * *",
                                    "*/30 * * * 0", "0,30 */4 * 2-4 *"};
constexpr const char* kDifferent[] = {"*/20 0 * * *",   "*/15 2 * * *",   "* 1 * * *",
                                      "0 0-22/2 * * *", "0 1-23/2 * * *", "0-50/10 23 * * *"};

struct Start {
  const char* zone;
  const char* from;
  int count;
};
// Two years of what fires daily, where clocks change at midnight and by half an hour.
constexpr Start kYears[] = {{"America/Sao_Paulo", "2018-01-01T00:00:00Z", 760},
                            {"Australia/Lord_Howe", "2018-01-01T00:00:00Z", 760}};
// Every change of a clock, from 70 minutes before it: what fires each minute reaches it, and the
// hour that comes twice is there as a whole. Then the change that Brazil gave up in 2019, and zones
// without changes.
constexpr Start kChanges[] = {{"America/Sao_Paulo", "2018-02-18T00:50:00Z", 80},
                              {"America/Sao_Paulo", "2018-11-04T01:50:00Z", 80},
                              {"America/Sao_Paulo", "2019-02-17T00:50:00Z", 80},
                              {"America/New_York", "2018-03-11T05:50:00Z", 80},
                              {"America/New_York", "2018-11-04T04:50:00Z", 80},
                              {"America/New_York", "2019-03-10T05:50:00Z", 80},
                              {"America/New_York", "2019-11-03T04:50:00Z", 80},
                              {"Europe/Lisbon", "2018-03-24T23:50:00Z", 80},
                              {"Europe/Lisbon", "2018-10-27T23:50:00Z", 80},
                              {"Europe/Lisbon", "2019-03-30T23:50:00Z", 80},
                              {"Europe/Lisbon", "2019-10-26T23:50:00Z", 80},
                              {"Australia/Lord_Howe", "2018-03-31T13:50:00Z", 80},
                              {"Australia/Lord_Howe", "2018-10-06T14:20:00Z", 80},
                              {"Australia/Lord_Howe", "2019-04-06T13:50:00Z", 80},
                              {"Australia/Lord_Howe", "2019-10-05T14:20:00Z", 80},
                              {"America/Sao_Paulo", "2019-11-03T01:50:00Z", 80},
                              {"Asia/Kathmandu", "2018-07-01T00:00:00Z", 80},
                              {"UTC", "2018-07-01T00:00:00Z", 80}};

// There is a leap day before it, and zones change their rules after it.
constexpr const char* kUntil = "2020-04-01T00:00:00Z";

struct Question {
  std::string cron;
  Start start;
};

void Add(std::span<const char* const> crons, std::span<const Start> starts,
         std::vector<Question>& questions) {
  for (const char* cron : crons) {
    for (const Start& start : starts) questions.push_back({cron, start});
  }
}

// "2018-11-04T03:00:00.000Z", as JavaScript writes times.
std::string AsJavaScript(WallTime time) { return FormatRfc3339(time).substr(0, 23) + "Z"; }

std::vector<std::string> Ours(const Question& question, std::optional<Gap> gap,
                              std::optional<Overlap> overlap) {
  estate::ScheduleSpec spec;
  spec.cron = question.cron;
  spec.zone = question.start.zone;
  spec.gap = gap;
  spec.overlap = overlap;
  const auto schedule = schedule::Schedule::Make("oracle", {spec}, {});
  if (!schedule.ok()) return {schedule.error().message()};
  std::vector<std::string> times;
  WallTime after = *estate::ParseTime(question.start.from) - std::chrono::microseconds(1);
  while (times.size() < static_cast<std::size_t>(question.start.count)) {
    const auto fire = schedule.value().Next(after);
    if (!fire || fire->nominal >= *estate::ParseTime(kUntil)) break;
    after = fire->nominal;
    times.push_back(AsJavaScript(after));
  }
  return times;
}

class ScheduleOracleTest : public testing::Test {
 protected:
  void SetUp() override {
    const bool there = std::filesystem::exists(AFLUENTE_CRONER);
    if (there) return;
    const std::string missing = "croner is not in .deps; ./dev setup brings it";
    if (std::getenv("AFLUENTE_NO_SKIP") != nullptr) FAIL() << missing;
    GTEST_SKIP() << "schedules were not compared with croner: " << missing;
  }

  std::vector<std::vector<std::string>> AskCroner(const std::vector<Question>& questions) {
    json asked = json::array();
    for (const Question& question : questions) {
      asked.push_back({{"cron", question.cron},
                       {"zone", question.start.zone},
                       {"from", question.start.from},
                       {"until", kUntil},
                       {"count", question.start.count}});
    }
    WriteFile(folder_.path() / "questions.json", asked.dump());
    Command node;
    node.args = {"/usr/bin/env", "node", AFLUENTE_ORACLE, AFLUENTE_CRONER,
                 (folder_.path() / "questions.json").string()};
    const Outcome outcome = RunCommand(node);
    if (outcome.exit_code != 0) throw std::runtime_error(outcome.ToString());
    return json::parse(outcome.out).get<std::vector<std::vector<std::string>>>();
  }

  TempFolder folder_;
};

void ExpectSame(const Question& question, const std::vector<std::string>& ours,
                const std::vector<std::string>& theirs) {
  ASSERT_GT(ours.size(), 0U) << question.cron;
  const auto [our, their] = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
  EXPECT_TRUE(our == ours.end() && their == theirs.end())
      << question.cron << " in " << question.start.zone << " from " << question.start.from << ": "
      << (our == ours.end() ? "never" : *our) << ", croner "
      << (their == theirs.end() ? "never" : *their);
}

TEST_F(ScheduleOracleTest, DefaultsAreCroners) {
  std::vector<Question> questions;
  Add(kFixedTimes, kYears, questions);
  Add(kFixedTimes, kChanges, questions);
  Add(kRhythms, kChanges, questions);
  const auto answers = AskCroner(questions);
  ASSERT_EQ(answers.size(), questions.size());
  std::size_t compared = 0;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    ExpectSame(questions[i], Ours(questions[i], std::nullopt, std::nullopt), answers[i]);
    compared += answers[i].size();
  }
  RecordProperty("fire_times_compared", static_cast<int>(compared));
  EXPECT_GT(compared, 60'000U);
}

TEST_F(ScheduleOracleTest, WhereTheDefaultsDifferCronersPolicyGivesCronersTimes) {
  std::vector<Question> questions;
  Add(kDifferent, kChanges, questions);
  const auto answers = AskCroner(questions);
  ASSERT_EQ(answers.size(), questions.size());
  std::size_t differing = 0;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    ExpectSame(questions[i], Ours(questions[i], Gap::kSkip, Overlap::kBoth), answers[i]);
    const auto defaults = Ours(questions[i], std::nullopt, std::nullopt);
    EXPECT_EQ(defaults, Ours(questions[i], Gap::kShift, Overlap::kFirst)) << questions[i].cron;
    if (defaults != answers[i]) ++differing;
  }
  EXPECT_GT(differing, 0U);  // Otherwise these rows belong to the other test.
}

}  // namespace
}  // namespace afluente::test
