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
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using testing::ElementsAreArray;

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

constexpr const char* kZones[] = {"America/Sao_Paulo",   "America/New_York", "Europe/Lisbon",
                                  "Australia/Lord_Howe", "Asia/Kathmandu",   "UTC"};

struct Start {
  const char* from;
  int count;
};
// Two years of what fires daily, and each change of a zone above within 20 hours.
constexpr Start kStarts[] = {
    {"2018-01-01T00:00:00Z", 760}, {"2018-02-17T12:00:00Z", 80}, {"2018-03-10T18:00:00Z", 80},
    {"2018-03-24T12:00:00Z", 80},  {"2018-03-31T00:00:00Z", 80}, {"2018-10-06T00:00:00Z", 80},
    {"2018-10-27T12:00:00Z", 80},  {"2018-11-03T12:00:00Z", 80}, {"2018-11-04T00:00:00Z", 80},
    {"2019-02-16T12:00:00Z", 80},  {"2019-03-10T00:00:00Z", 80}, {"2019-03-30T12:00:00Z", 80},
    {"2019-04-06T00:00:00Z", 80},  {"2019-10-05T00:00:00Z", 80}, {"2019-10-26T12:00:00Z", 80},
    {"2019-11-03T00:00:00Z", 80}};

// There is a leap day before it, and zones change their rules after it.
constexpr const char* kUntil = "2020-04-01T00:00:00Z";

struct Question {
  std::string cron;
  std::string zone;
  Start start;
};

std::vector<Question> QuestionsOn(std::initializer_list<std::span<const char* const>> lists) {
  std::vector<Question> questions;
  for (const auto& list : lists) {
    for (const char* cron : list) {
      for (const char* zone : kZones) {
        for (const Start& start : kStarts) questions.push_back({cron, zone, start});
      }
    }
  }
  return questions;
}

// "2018-11-04T03:00:00.000Z", as JavaScript writes times.
std::string AsJavaScript(WallTime time) { return FormatRfc3339(time).substr(0, 23) + "Z"; }

std::vector<std::string> Ours(const Question& question, std::optional<Gap> gap,
                              std::optional<Overlap> overlap) {
  estate::ScheduleSpec spec;
  spec.cron = question.cron;
  spec.zone = question.zone;
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
                       {"zone", question.zone},
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
  EXPECT_THAT(ours, ElementsAreArray(theirs))
      << question.cron << " in " << question.zone << " from " << question.start.from;
}

TEST_F(ScheduleOracleTest, DefaultsAreCroners) {
  const std::vector<Question> questions = QuestionsOn({kFixedTimes, kRhythms});
  const auto answers = AskCroner(questions);
  ASSERT_EQ(answers.size(), questions.size());
  std::size_t compared = 0;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    ExpectSame(questions[i], Ours(questions[i], std::nullopt, std::nullopt), answers[i]);
    compared += answers[i].size();
  }
  RecordProperty("fire_times_compared", static_cast<int>(compared));
  EXPECT_GT(compared, 150'000U);
}

TEST_F(ScheduleOracleTest, WhereTheDefaultsDifferCronersPolicyGivesCronersTimes) {
  const std::vector<Question> questions = QuestionsOn({kDifferent});
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
